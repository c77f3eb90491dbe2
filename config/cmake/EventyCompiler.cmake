# The language, warnings, sanitizers and compiler cache of every target of the project.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

# Rooms look for their own libraries, and rooms elsewhere link them through.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

# Colours also when ninja collects the output.
set(CMAKE_COLOR_DIAGNOSTICS ON)

# ccache and precompiled headers: with GCC the header's use must stay visible after preprocessing, and the
# cache must not compare the times of the header and of what it includes (it compares their contents).
if(EVENTY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(EVENTY_CCACHE_PROGRAM ccache)
  if(EVENTY_CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        "${CMAKE_COMMAND}" -E env
        "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
        "${EVENTY_CCACHE_PROGRAM}")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      add_compile_options(-fpch-preprocess)
    endif()
  endif()
endif()

# eventy_compiler: what each target of the project is compiled with; never passed on to users.
add_library(eventy_compiler INTERFACE)
target_compile_options(eventy_compiler INTERFACE -Wall -Wextra -Wpedantic)
if(EVENTY_WERROR)
  target_compile_options(eventy_compiler INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms of GCC 12 on std::string concatenation, https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651
  target_compile_options(eventy_compiler INTERFACE -Wno-restrict)
endif()

if(EVENTY_SANITIZE)
  # The null check trips over CAF's function-based actors without arguments.
  set(sanitizers -fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover=all)
  if(EVENTY_FUZZ)
    list(APPEND sanitizers -fsanitize=fuzzer-no-link)
  endif()
  target_compile_options(eventy_compiler INTERFACE ${sanitizers})
  target_link_options(eventy_compiler INTERFACE ${sanitizers})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The sanitizers' checks confuse GCC's flow analysis.
    target_compile_options(eventy_compiler INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

if(EVENTY_SANITIZE_THREADS)
  target_compile_options(eventy_compiler INTERFACE -fsanitize=thread)
  target_link_options(eventy_compiler INTERFACE -fsanitize=thread)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Fences, which it does not model, are in headers of the libraries only.
    target_compile_options(eventy_compiler INTERFACE -Wno-tsan)
  endif()
endif()
