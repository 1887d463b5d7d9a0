#!/bin/bash
# One test of the package as its users meet it: package_test.sh CASE. CMakeLists.txt says where things are:
#   SOURCE  the project        BUILD    its build folder        PREFIX  where the fixture installs to
#   CXX CC  the compilers      VERSION  the project's version
set -euo pipefail

here=$SOURCE/tests/package
work=$(mktemp -d)
export RTLANE_DIR
RTLANE_DIR=$(mktemp -d -p /dev/shm rtlane-test-XXXXXX)
trap 'rm -rf -- "$work" "$RTLANE_DIR"' EXIT

run() {
  printf '+%s\n' "$(printf ' %q' "$@")"
  "$@"
}

# ./dev shows what follows such a line as the reason.
skip() {
  printf '%s: Skipped\n%s\n' "$0" "$1"
  exit 77
}

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

expect_works() {
  local output
  output=$(run "$@") || fail "the program failed: $output"
  printf '%s\n' "$output"
  [[ $output == *"rtlane $VERSION works"* ]] || fail "the program did not say that it works"
}

# needs_library PROGRAM: whether the program loads librtlane when it starts
needs_library() { readelf -d "$1" | grep -q 'NEEDED.*librtlane\.so\.0'; }

# configure LANGUAGE LIBRARY [CMAKE-ARGUMENT...]: configures the user's project
configure() {
  local language=$1 library=$2 compiler=CMAKE_C_COMPILER=$CC
  shift 2
  [[ $language == C ]] || compiler=CMAKE_CXX_COMPILER=$CXX
  run cmake -S "$here/consumer" -B "$work/consumer" -G Ninja -D"$compiler" -DLANGUAGE="$language" -DLIBRARY="$library" "$@"
}

# consumer LANGUAGE LIBRARY [CMAKE-ARGUMENT...]: and builds and runs it
consumer() {
  local library=$2
  configure "$@"
  run cmake --build "$work/consumer"
  expect_works "$work/consumer/user"
  if [[ $library == rtlane::rtlane ]]; then
    needs_library "$work/consumer/user" || fail "it does not load the shared library"
  else
    ! needs_library "$work/consumer/user" || fail "it loads the shared library"
  fi
}

# with_pkg_config COMPILER SOURCE [OPTION...]: builds as a Makefile would
with_pkg_config() {
  command -v pkg-config >/dev/null || skip 'there is no pkg-config here'
  local compiler=$1 source=$2 pkg_config_options=() flags
  local libdir=${libdir:-$PREFIX/lib}
  shift 2
  [[ " $* " != *" -static "* ]] || pkg_config_options=(--static)
  export PKG_CONFIG_PATH=$libdir/pkgconfig
  run pkg-config --validate rtlane
  [[ $(pkg-config --modversion rtlane) == "$VERSION" ]] || fail "pkg-config tells another version"
  read -r -a flags < <(pkg-config "${pkg_config_options[@]}" --cflags --libs rtlane)
  run "$compiler" "$@" "$source" -o "$work/user" "${flags[@]}"
  expect_works env LD_LIBRARY_PATH="$libdir" "$work/user"
}

# Compiles a wrong use, which must fail for the reason its first line gives, and its right twin, which must not.
wrong_use() {
  local file=$here/$1.cpp expected output
  local compile=("$CXX" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I "$PREFIX/include")
  expected=$(sed -n '1s,^// error: ,,p' "$file")
  [[ -n $expected ]] || fail "$file does not begin with the error it expects"
  run "${compile[@]}" -Wno-unused -DRIGHT "$file" || fail "the right use does not compile"
  if output=$(run "${compile[@]}" "$file" 2>&1); then
    fail "the wrong use compiles"
  fi
  grep -E -e "$expected" <<<"$output" || fail "the wrong use fails for another reason: $output"
}

# readme_block LANGUAGE: the code of that language in README.md
readme_block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/d;p}" "$SOURCE/README.md"; }

# from_readme LANGUAGE BEFORE AFTER COMPILER [OPTION...]: compiles and runs README code with what it leaves to its reader
from_readme() {
  local language=$1 before=$2 after=$3
  shift 3
  readme_block "$language" >"$work/block"
  [[ -s $work/block ]] || fail "README.md has no code block of $language"
  printf '%s\n' "$before" >"$work/user.$language"
  cat "$work/block" >>"$work/user.$language"
  printf '%s\n' "$after" >>"$work/user.$language"
  run "$@" -Wall -Wextra -Werror -I "$PREFIX/include" "$work/user.$language" -o "$work/user" -L "$PREFIX/lib" -lrtlane -pthread
  expect_works env LD_LIBRARY_PATH="$PREFIX/lib" "$work/user"
}

case $1 in
  install)
    # Moved after the installation: whatever works afterwards works from any place.
    rm -rf -- "$PREFIX" "$PREFIX.before"
    run cmake --install "$BUILD" --prefix "$PREFIX.before"
    mv -- "$PREFIX.before" "$PREFIX"
    ;;
  contents)
    for folder in core channels rt; do
      [[ -d $SOURCE/$folder/include ]] || continue
      (cd "$SOURCE/$folder/include" && find . -type f)
    done | sort >"$work/headers"
    (cd "$PREFIX/include" && find . -path ./rtlane-compat -prune -o -type f -print) | sort |
      run diff "$work/headers" - || fail "not exactly the public headers"
    (cd "$SOURCE/rt/compat" && find . -name '*.h') | sort >"$work/compat"
    (cd "$PREFIX/include/rtlane-compat" && find . -type f | tr '[:upper:]' '[:lower:]') | sort -u |
      run diff "$work/compat" - || fail "not exactly the headers for ported sources"
    [[ $(readlink "$PREFIX/lib/librtlane.so") == librtlane.so.0 ]] || fail "librtlane.so does not lead to the SONAME"
    [[ -f $PREFIX/lib/librtlane.a && -f $PREFIX/lib/librtlane.so.$VERSION ]] || fail "a library is missing"
    ! grep -rIl -e "$SOURCE" -e "$BUILD" -e "$PREFIX" "$PREFIX" || fail "these files name a folder of the build machine"
    ;;
  tool)
    run "$PREFIX/bin/rtlane" --help >"$work/help" || fail "rtlane --help fails"
    grep -q demo "$work/help" || fail "the help does not name the main job"
    ;;
  bench)
    run "$PREFIX/bin/rtlane" bench --help >"$work/help" || fail "rtlane bench does not find rtlane-bench"
    grep -q latency "$work/help" || fail "the help does not name the benchmark"
    ;;
  micro)
    run "$PREFIX/bin/rtlane" micro --help >"$work/help" || fail "rtlane micro does not find rtlane-micro"
    grep -q -e --instructions "$work/help" || fail "the help does not name the counting of instructions"
    ;;
  cmake-cxx-shared) consumer CXX rtlane::rtlane -DCMAKE_PREFIX_PATH="$PREFIX" ;;
  cmake-cxx-static) consumer CXX rtlane::static -DCMAKE_PREFIX_PATH="$PREFIX" ;;
  cmake-c-shared) consumer C rtlane::rtlane -DCMAKE_PREFIX_PATH="$PREFIX" ;;
  cmake-c-static) consumer C rtlane::static -DCMAKE_PREFIX_PATH="$PREFIX" ;;
  cmake-uninstalled) consumer CXX rtlane::rtlane -Drtlane_DIR="$BUILD" ;;
  cmake-version)
    consumer C rtlane::rtlane -DCMAKE_PREFIX_PATH="$PREFIX" -DWANTED="$VERSION"
    for wanted in 9.0 0.0.1; do
      rm -rf -- "$work/consumer"
      if output=$(configure C rtlane::rtlane -DCMAKE_PREFIX_PATH="$PREFIX" -DWANTED="$wanted" 2>&1); then
        fail "version $wanted was found"
      fi
      grep -F "requested version \"$wanted\"" <<<"$output" || fail "no word of the version: $output"
    done
    ;;
  subproject)
    # With the other compiler where there is one, which knows warnings that this one does not.
    if command -v clang++ >/dev/null; then
      CC=clang CXX=clang++
    fi
    run cmake -S "$here/subproject" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" \
      -DRTLANE_SOURCE_DIR="$SOURCE" -DRTLANE_WERROR=ON
    run cmake --build "$work/build"
    expect_works "$work/build/user"
    run cmake --install "$work/build" --prefix "$work/prefix"
    [[ ! -e $work/prefix ]] || fail "a project with rtlane inside installs rtlane"
    [[ $(run ctest --test-dir "$work/build" -N) == *"Total Tests: 0"* ]] || fail "it runs rtlane's tests"
    ;;
  absolute-folders)
    # as distributions configure: prefix and library folder are absolute, which is nothing to the library itself
    run cmake -S "$SOURCE" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" \
      -DRTLANE_BUILD_TOOL=OFF -DRTLANE_BUILD_TESTS=OFF -DRTLANE_BUILD_BENCH=OFF -DRTLANE_BUILD_EXAMPLES=OFF \
      -DCMAKE_INSTALL_PREFIX="$work/usr" -DCMAKE_INSTALL_LIBDIR="$work/usr/lib/some-triplet"
    run cp -P "$BUILD"/librtlane.* "$work/build/"
    run cmake --install "$work/build"
    PREFIX=$work/usr
    libdir=$PREFIX/lib/some-triplet
    with_pkg_config "$CC" "$here/consumer/user.c" -std=c99 -Wall -Wextra -Werror
    [[ $(pkg-config --variable=libdir rtlane) == "$libdir" ]] || fail "the library folder is another one"
    ;;
  compat)
    # As its users compile a ported source: the folder is asked for by name, and nothing else brings it.
    command -v pkg-config >/dev/null || skip 'there is no pkg-config here'
    export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig
    read -r -a flags < <(pkg-config --cflags --libs rtlane)
    ! run "$CC" -fsyntax-only "$SOURCE/tests/rt/port/station.c" "${flags[@]}" || fail "it compiles without the folder"
    folder=$(pkg-config --variable=compatdir rtlane)
    run "$CC" "-I$folder" "$SOURCE/tests/rt/port/station.c" -o "$work/station" "${flags[@]}"
    [[ $(LD_LIBRARY_PATH=$PREFIX/lib "$work/station" run) == *"worker said 42"* ]] || fail "the program does not work"
    run cmake -S "$here/compat" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$CC" -DCMAKE_PREFIX_PATH="$PREFIX" \
      -DSTATION="$SOURCE/tests/rt/port/station.c"
    run cmake --build "$work/build"
    [[ $("$work/build/station" run) == *"worker said 42"* ]] || fail "the program built with CMake does not work"
    ;;
  pkg-config-c-shared) with_pkg_config "$CC" "$here/consumer/user.c" -std=c99 -pedantic -Wall -Wextra -Werror ;;
  pkg-config-c-static) with_pkg_config "$CC" "$here/consumer/user.c" -std=c99 -static ;;
  pkg-config-cxx-shared) with_pkg_config "$CXX" "$here/consumer/user.cpp" -std=c++20 -Wall -Wextra -Werror ;;
  pkg-config-cxx-static) with_pkg_config "$CXX" "$here/consumer/user.cpp" -std=c++20 -static ;;
  readme-cxx)
    from_readme cpp '
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
int fail(const std::string& why) { std::fprintf(stderr, "%s\n", why.c_str()); return 1; }
template <class Imu> bool read_sensor(Imu& sample)
{
  static std::int64_t next = 0;
  sample = {next, {1, 2, 3}, {0, 0, 1}};
  return next++ < 5000;
}
std::int64_t used = 0;
template <class Imu> void use(const Imu& sample) { used += sample.t_ns == used ? 1 : 1000000; }
void wait_a_little() { std::this_thread::yield(); }
' '
int main()
{
  int sent = 1;
  std::thread other([&] { sent = sender(); });
  const int received = receiver();
  other.join();
  if (sent != 0 || received != 0 || used != 5000) return 1;
  std::printf("rtlane %s works\n", rtlane_version());
}' "$CXX" -std=c++20
    ;;
  readme-c)
    from_readme c '
#include <stdio.h>
static int fail(const char* why) { fprintf(stderr, "%s\n", why); return 1; }
' '
int main(void)
{
  if (hold_state() != 0) return 1;
  printf("rtlane %s works\n", rtlane_version());
  return 0;
}' "$CC" -std=c99 -pedantic
    ;;
  clang)
    command -v clang++ >/dev/null || skip 'there is no clang++ here: apt-get install clang'
    run cmake -S "$SOURCE" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
      -DCMAKE_BUILD_TYPE=Debug -DRTLANE_BUILD_TESTS=OFF -DRTLANE_BUILD_BENCH=OFF
    # The commands as they stand in the JSON, each once (the library's objects are shared), and without code generation.
    sed -n 's/^ *"command": "\(.*\)",\{0,1\}$/\1 -fsyntax-only/p' "$work/build/compile_commands.json" |
      sed 's/\\\(["\\]\)/\1/g' | sort -u >"$work/commands"
    [[ $(wc -l <"$work/commands") -ge 40 ]] || fail "only $(wc -l <"$work/commands") commands were found"
    cd "$work/build"
    xargs -d '\n' -n 1 -P 2 bash -c <"$work/commands" || fail "clang finds something"
    ;;
  wrong-use) wrong_use "$2" ;;
  *) fail "no case $1" ;;
esac
