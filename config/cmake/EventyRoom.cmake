# Functions that declare the project's rooms (libraries), examples and their installation.

# eventy_rooms(FOLDER... [OPTION VARIABLE])
#
# Adds each folder, in order. With OPTION, only if that variable is true.
function(eventy_rooms)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "OPTION" "")
  if(arg_OPTION AND NOT ${arg_OPTION})
    return()
  endif()
  foreach(folder IN LISTS arg_UNPARSED_ARGUMENTS)
    if(EXISTS "${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt")
      add_subdirectory("${PROJECT_SOURCE_DIR}/${folder}" "${PROJECT_BINARY_DIR}/${folder}")
    endif()
  endforeach()
endfunction()

# eventy_room(NAME
#   [DEPENDS room...]            rooms that its public headers use
#   [PRIVATE_DEPENDS room...]    rooms that only its sources use
#   [FOLDERS folder...]          subfolders with more sources and headers
#   [LIBRARIES target...]        outside libraries that its public headers use
#   [PRIVATE_LIBRARIES target...]  outside libraries that only its sources use
#   [PACKAGES package...]        packages that provide those libraries to users by find_package, "NAME" or
#                                "NAME:COMPONENT"
#   [PCH header...])             precompiled headers; none of another room's library
#
# Makes the target eventy_NAME, alias eventy::NAME, from the .cpp files beside the CMakeLists.txt and in FOLDERS;
# public headers are in include/. Without a .cpp file the target is an interface library. A room without sources
# and headers is left out, and so is one that needs a room that is not built.
function(eventy_room NAME)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" ""
    "DEPENDS;PRIVATE_DEPENDS;FOLDERS;LIBRARIES;PRIVATE_LIBRARIES;PACKAGES;PCH")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "eventy_room(${NAME}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(target eventy_${NAME})

  _eventy_sources(sources "${arg_FOLDERS}")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/include/*.hpp")
  foreach(room IN LISTS arg_DEPENDS arg_PRIVATE_DEPENDS)
    if(NOT TARGET eventy::${room})
      message(STATUS "Room ${NAME} is left out: room ${room} is not built")
      return()
    endif()
  endforeach()
  if(NOT sources AND NOT headers)
    message(STATUS "Room ${NAME} is left out: it is empty")
    return()
  endif()

  list(TRANSFORM arg_DEPENDS PREPEND eventy:: OUTPUT_VARIABLE rooms)
  list(TRANSFORM arg_PRIVATE_DEPENDS PREPEND eventy:: OUTPUT_VARIABLE private_rooms)
  if(sources)
    add_library(${target} ${sources})
    set(scope PUBLIC)
    target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
    target_link_libraries(${target} PRIVATE
      $<BUILD_INTERFACE:eventy_compiler> ${private_rooms} ${arg_PRIVATE_LIBRARIES})
    if(arg_PCH)
      target_precompile_headers(${target} PRIVATE ${arg_PCH})
    endif()
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(eventy::${NAME} ALIAS ${target})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_include_directories(${target} ${scope}
    "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${target} ${scope} ${rooms} ${arg_LIBRARIES})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${NAME})

  if(EVENTY_BUILD_TESTS AND headers)
    _eventy_check_headers(${NAME} "${headers}")
  endif()

  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/include")
    install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT ${NAME})
  endif()
  # A room that this build tree has not built yet is not installed. find_package() says so.
  install(TARGETS ${target} EXPORT eventy-${NAME}
    ARCHIVE COMPONENT ${NAME} OPTIONAL
    LIBRARY COMPONENT ${NAME} OPTIONAL)
  install(EXPORT eventy-${NAME}
    NAMESPACE eventy::
    FILE eventy-${NAME}.cmake
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/eventy"
    COMPONENT ${NAME})
  set_property(GLOBAL APPEND PROPERTY EVENTY_ROOMS ${NAME})
  set_property(GLOBAL PROPERTY EVENTY_ROOM_${NAME}_DEPENDS ${arg_DEPENDS} ${arg_PRIVATE_DEPENDS})
  set_property(GLOBAL PROPERTY EVENTY_ROOM_${NAME}_PACKAGES ${arg_PACKAGES})
  _eventy_installed_file(file ${target})
  set_property(GLOBAL PROPERTY EVENTY_ROOM_${NAME}_FILE "${file}")
endfunction()

# eventy_example(NAME [DEPENDS room...] [PRIVATE_LIBRARIES target...] [PCH header...])
#
# Makes the program bin/NAME from main.cpp and, for tests, the library example_NAME from the other .cpp files.
# Left out if a room is not built.
function(eventy_example NAME)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;PRIVATE_LIBRARIES;PCH")
  foreach(room IN LISTS arg_DEPENDS)
    if(NOT TARGET eventy::${room})
      message(STATUS "Example ${NAME} is left out: room ${room} is not built")
      return()
    endif()
  endforeach()
  list(TRANSFORM arg_DEPENDS PREPEND eventy:: OUTPUT_VARIABLE rooms)
  _eventy_sources(sources "")
  set(main "${CMAKE_CURRENT_SOURCE_DIR}/main.cpp")
  if(main IN_LIST sources)
    list(REMOVE_ITEM sources "${main}")
    add_executable(${NAME} "${main}")
    target_link_libraries(${NAME} PRIVATE eventy_compiler ${rooms} ${arg_PRIVATE_LIBRARIES})
  endif()
  if(sources)
    add_library(example_${NAME} STATIC ${sources})
    target_link_libraries(example_${NAME}
      PUBLIC ${rooms}
      PRIVATE eventy_compiler ${arg_PRIVATE_LIBRARIES})
    target_include_directories(example_${NAME} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
    if(arg_PCH)
      target_precompile_headers(example_${NAME} PRIVATE ${arg_PCH})
    endif()
    if(TARGET ${NAME})
      target_link_libraries(${NAME} PRIVATE example_${NAME})
    endif()
  endif()
endfunction()

# eventy_install_package()
#
# Installs the files that find_package(eventy COMPONENTS ...) reads.
function(eventy_install_package)
  include(CMakePackageConfigHelpers)
  get_property(rooms GLOBAL PROPERTY EVENTY_ROOMS)
  set(EVENTY_ROOM_TABLE "")
  foreach(room IN LISTS rooms)
    get_property(depends GLOBAL PROPERTY EVENTY_ROOM_${room}_DEPENDS)
    get_property(packages GLOBAL PROPERTY EVENTY_ROOM_${room}_PACKAGES)
    get_property(file GLOBAL PROPERTY EVENTY_ROOM_${room}_FILE)
    string(APPEND EVENTY_ROOM_TABLE
      "set(_eventy_${room}_file \"${file}\")\n"
      "set(_eventy_${room}_depends ${depends})\n"
      "set(_eventy_${room}_packages ${packages})\n")
  endforeach()
  set(folder "${CMAKE_INSTALL_LIBDIR}/cmake/eventy")
  configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/config/cmake/eventyConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/eventyConfig.cmake"
    INSTALL_DESTINATION "${folder}"
    NO_SET_AND_CHECK_MACRO)
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/eventyConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
  install(FILES
    "${PROJECT_BINARY_DIR}/eventyConfig.cmake"
    "${PROJECT_BINARY_DIR}/eventyConfigVersion.cmake"
    "${PROJECT_SOURCE_DIR}/config/cmake/FindAvroC.cmake"
    "${PROJECT_SOURCE_DIR}/config/cmake/FindCAF.cmake"
    "${PROJECT_SOURCE_DIR}/config/cmake/FindRdKafka.cmake"
    DESTINATION "${folder}"
    COMPONENT core)
endfunction()

# The installed library of a target, relative to the prefix; empty where the target has none.
function(_eventy_installed_file RESULT TARGET)
  get_target_property(type ${TARGET} TYPE)
  set(file "")
  if(type MATCHES "^(STATIC|SHARED)_LIBRARY$")
    set(file "${CMAKE_INSTALL_LIBDIR}/${CMAKE_${type}_PREFIX}${TARGET}${CMAKE_${type}_SUFFIX}")
  endif()
  set(${RESULT} "${file}" PARENT_SCOPE)
endfunction()

# The .cpp files beside the CMakeLists.txt and in the given subfolders.
function(_eventy_sources RESULT FOLDERS)
  set(patterns "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  foreach(folder IN LISTS FOLDERS)
    list(APPEND patterns "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp")
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  set(${RESULT} "${sources}" PARENT_SCOPE)
endfunction()

# A translation unit that includes every public header of a room: so headers that no source includes are compiled
# too and appear in the dependency list that tests/tidy reads. It has no precompiled header, so a missing include
# in a header fails here.
function(_eventy_check_headers NAME HEADERS)
  set(text "// Generated: every public header of the room ${NAME}.\n")
  foreach(header IN LISTS HEADERS)
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/include")
    string(APPEND text "#include <${header}>\n")
  endforeach()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/${NAME}_headers.cpp")
  file(CONFIGURE OUTPUT "${source}" CONTENT "${text}" @ONLY)
  add_library(eventy_${NAME}_headers OBJECT "${source}")
  target_link_libraries(eventy_${NAME}_headers PRIVATE eventy_compiler eventy_${NAME})
endfunction()
