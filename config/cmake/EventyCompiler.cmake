# The language, warnings, sanitizers and compiler cache of every target of the project.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

# Each room finds its own libraries, and other rooms link them through it.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

# Coloured diagnostics, even though ninja collects the output.
set(CMAKE_COLOR_DIAGNOSTICS ON)

# ccache with precompiled headers: with GCC, preprocessed sources must still show that they use the header, and
# ccache must compare the contents of the header and its includes, not their times.
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

# eventy_compiler: the compile options of the project's own targets; users never get them.
add_library(eventy_compiler INTERFACE)
target_compile_options(eventy_compiler INTERFACE -Wall -Wextra -Wpedantic)
if(EVENTY_WERROR)
  target_compile_options(eventy_compiler INTERFACE -Werror)
  # g++ 13 and 14 warn falsely about members of a moved std::variant and bytes of a moved std::string, depending on
  # what they inline.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(eventy_compiler INTERFACE -Wno-error=maybe-uninitialized -Wno-error=array-bounds)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms of GCC 12 on std::string concatenation, https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651
  target_compile_options(eventy_compiler INTERFACE -Wno-restrict)
endif()

if(EVENTY_SANITIZE)
  # The null check reports CAF's function-based actors without arguments.
  set(sanitizers -fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover=all)
  if(EVENTY_FUZZ)
    list(APPEND sanitizers -fsanitize=fuzzer-no-link)
  endif()
  target_compile_options(eventy_compiler INTERFACE ${sanitizers})
  target_link_options(eventy_compiler INTERFACE ${sanitizers})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With the sanitizers' checks, GCC's flow analysis reports false alarms.
    target_compile_options(eventy_compiler INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

if(EVENTY_SANITIZE_THREADS)
  target_compile_options(eventy_compiler INTERFACE -fsanitize=thread)
  target_link_options(eventy_compiler INTERFACE -fsanitize=thread)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The thread sanitizer does not model fences; only headers of libraries use them.
    target_compile_options(eventy_compiler INTERFACE -Wno-tsan)
  endif()
endif()
