// For sources that declare options. CLI11 is all in its headers, and costs seconds in each source that includes them:
// the others know its classes by name only.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "command.hpp"
