# What `cmake --install` gives: libraries, headers, the CMake package and rtlane.pc. The package can be moved:
# nothing in it holds an absolute path, unless an install folder was given as one. Programs have their install rule
# beside their target.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rtlane)

foreach(library rtlane rtlane_static)
  target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
install(TARGETS rtlane rtlane_static EXPORT rtlane)
foreach(component core channels rt)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${component}/include)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${component}/include/ TYPE INCLUDE)
  endif()
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/rtlaneConfig.cmake.in ${PROJECT_BINARY_DIR}/rtlaneConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rtlaneConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rtlaneConfig.cmake ${PROJECT_BINARY_DIR}/rtlaneConfigVersion.cmake
        DESTINATION ${package_dir})
install(EXPORT rtlane FILE rtlaneTargets.cmake NAMESPACE rtlane:: DESTINATION ${package_dir})
# The build tree is a package too: rtlane_DIR=build/release.
export(EXPORT rtlane FILE ${PROJECT_BINARY_DIR}/rtlaneTargets.cmake NAMESPACE rtlane::)

if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  # rtlane.pc stands where the prefix cannot be told from.
  set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  set(PC_PREFIX \${pcfiledir}/${prefix_from_pc})
endif()
foreach(folder INCLUDEDIR LIBDIR)
  set(PC_${folder} ${CMAKE_INSTALL_${folder}})
  cmake_path(ABSOLUTE_PATH PC_${folder} BASE_DIRECTORY \${prefix})
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/rtlane.pc.in ${PROJECT_BINARY_DIR}/rtlane.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/rtlane.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
