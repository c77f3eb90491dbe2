# Functions that register tests.
#
# A test file can carry one line of directives in a comment, read when the build is configured:
#   ctest: [LABELS label...] [TIMEOUT seconds] [SERIAL] [KAFKA]
# LABELS long keeps it out of the plain tests/run. TIMEOUT is that of the whole suite or script (default 300, in C++
# suites also 60 for each single test, unless TIMEOUT is given). SERIAL runs it alone. KAFKA runs it between the start and the stop of the tests' broker.

# The framework's runner, compiled once, and a precompiled header that the test programs share.
find_package(CAF REQUIRED COMPONENTS core test)
add_library(eventy_test_main STATIC "${CMAKE_CURRENT_LIST_DIR}/main.cpp")
target_link_libraries(eventy_test_main PUBLIC eventy_compiler CAF::core CAF::test)
target_precompile_headers(eventy_test_main PRIVATE "${CMAKE_CURRENT_LIST_DIR}/precompiled.hpp")

# eventy_suites(TARGET file... [LIBS target...])
#
# Builds one test program and registers a ctest for each suite in it, named FOLDER/SUITE. A file names its suite with
# `#define CAF_SUITE x`. Tests include private headers by their path from the project's root, and helpers as "support/x.hpp".
function(eventy_suites TARGET)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
  set(files ${arg_UNPARSED_ARGUMENTS})
  if(NOT files)
    return()
  endif()
  add_executable(${TARGET} ${files})
  target_link_libraries(${TARGET} PRIVATE eventy_test_main ${arg_LIBS})
  target_precompile_headers(${TARGET} REUSE_FROM eventy_test_main)
  target_include_directories(${TARGET} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${TARGET} PRIVATE
    EVENTY_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    EVENTY_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  set_target_properties(${TARGET} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/bin")

  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY "${PROJECT_SOURCE_DIR}/tests"
    OUTPUT_VARIABLE folder)
  set(registered "")
  foreach(file IN LISTS files)
    cmake_path(ABSOLUTE_PATH file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(STRINGS "${file}" defines REGEX "^#define CAF_SUITE +[^ ]+")
    foreach(define IN LISTS defines)
      string(REGEX REPLACE "^#define CAF_SUITE +([^ ]+).*$" "\\1" suite "${define}")
      _eventy_directives("${file}")
      set(each 60)
      if(directive_TIMEOUT)
        set(each ${directive_TIMEOUT})
      endif()
      string(REPLACE "." "\\." pattern "${suite}")
      set(name "${folder}/${suite}")
      # A suite may be spread over files of one program; the same name in two programs of a folder is an error.
      if(NOT suite IN_LIST registered)
        list(APPEND registered "${suite}")
        add_test(NAME ${name} COMMAND ${TARGET} -n -v 4 -r ${each} -s "^${pattern}$")
        # No match, or a suite that checks nothing, would count as success.
        set_tests_properties(${name} PROPERTIES
          FAIL_REGULAR_EXPRESSION "suites:  0;checks:  0")
        _eventy_properties(${name})
      endif()
    endforeach()
    if(NOT defines)
      file(STRINGS "${file}" cases REGEX "^ *CAF_TEST\\(")
      if(cases)
        message(SEND_ERROR "${file} has tests and no line `#define CAF_SUITE name`")
      endif()
    endif()
  endforeach()
endfunction()

# eventy_scripts(file...)
#
# Registers each executable script as a ctest named FOLDER/NAME (without its extension). It finds the
# programs in $EVENTY_BIN_DIR, the sources in $EVENTY_SOURCE_DIR and the build tree in $EVENTY_BUILD_DIR.
function(eventy_scripts)
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY "${PROJECT_SOURCE_DIR}/tests"
    OUTPUT_VARIABLE folder)
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file)
    cmake_path(GET file STEM stem)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    _eventy_directives("${file}")
    set(name "${folder}/${stem}")
    add_test(NAME ${name} COMMAND "${file}")
    _eventy_properties(${name})
  endforeach()
endfunction()

# eventy_targets(RESULT name...): those of the targets eventy::name that are built.
function(eventy_targets RESULT)
  set(targets "")
  foreach(name IN LISTS ARGN)
    if(TARGET eventy::${name})
      list(APPEND targets eventy::${name})
    endif()
  endforeach()
  set(${RESULT} "${targets}" PARENT_SCOPE)
endfunction()

# Reads the directives of a test file into directive_LABELS, directive_TIMEOUT, … of the caller.
macro(_eventy_directives FILE)
  file(STRINGS "${FILE}" _lines REGEX "^(//|#) ctest: ")
  file(STRINGS "${FILE}" _lost REGEX "^(//|#) .*[^ ] ctest: ")
  if(_lost)
    message(SEND_ERROR "${FILE}: directives of ctest begin their line: ${_lost}")
  endif()
  string(REGEX REPLACE "^(//|#) ctest: " "" _lines "${_lines}")
  separate_arguments(_words UNIX_COMMAND "${_lines}")
  cmake_parse_arguments(directive "SERIAL;KAFKA" "TIMEOUT" "LABELS" ${_words})
  if(directive_UNPARSED_ARGUMENTS)
    message(SEND_ERROR "${FILE}: unknown ctest directive ${directive_UNPARSED_ARGUMENTS}")
  endif()
endmacro()

# Applies what _eventy_directives read to the test NAME.
macro(_eventy_properties NAME)
  set(_timeout 300)
  if(directive_TIMEOUT)
    set(_timeout ${directive_TIMEOUT})
  endif()
  set_tests_properties(${NAME} PROPERTIES
    TIMEOUT ${_timeout}
    RUN_SERIAL ${directive_SERIAL}
    LABELS "${directive_LABELS}"
    SKIP_RETURN_CODE 77
    FIXTURES_REQUIRED "$<$<BOOL:${directive_KAFKA}>:kafka>"
    ENVIRONMENT "EVENTY_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};EVENTY_SOURCE_DIR=${PROJECT_SOURCE_DIR};EVENTY_BUILD_DIR=${PROJECT_BINARY_DIR}")
endmacro()
