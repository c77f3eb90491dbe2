# Toolchain of the preset fuzz: clang 16, or else the release's own clang if it is not older.

find_program(EVENTY_CLANG NAMES clang++-16 clang++)
if(NOT EVENTY_CLANG)
  message(FATAL_ERROR "no clang++; config/setup installs it")
endif()
set(CMAKE_CXX_COMPILER "${EVENTY_CLANG}")
