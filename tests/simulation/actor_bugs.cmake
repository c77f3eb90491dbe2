# Bugs put into the sources of the actors on purpose. Each is the program simulate with one source changed: its object
# takes the place of the one in the library. Text that is no longer there, or is there twice, is an error.

add_library(simulate_main OBJECT simulate.cpp)
target_link_libraries(simulate_main PRIVATE eventy_compiler simulated_world)

function(actor_bug NAME SOURCE FROM TO)
  set(original "${PROJECT_SOURCE_DIR}/actors/${SOURCE}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${original}")
  file(READ "${original}" text)
  string(FIND "${text}" "${FROM}" first)
  string(FIND "${text}" "${FROM}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(SEND_ERROR "bug ${NAME}: its text is not there once in actors/${SOURCE}")
  endif()
  string(REPLACE "${FROM}" "${TO}" text "${text}")
  cmake_path(GET original PARENT_PATH folder)
  set(changed "${CMAKE_CURRENT_BINARY_DIR}/actor_bugs/${NAME}.cpp")
  file(CONFIGURE OUTPUT "${changed}" CONTENT "${text}" @ONLY)
  add_executable(bug_${NAME} "${changed}" $<TARGET_OBJECTS:simulate_main>)
  target_include_directories(bug_${NAME} PRIVATE "${folder}")
  target_link_libraries(bug_${NAME} PRIVATE simulated_world eventy::actors)
  set_target_properties(bug_${NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/bin/actor_bugs" OUTPUT_NAME "${NAME}")
endfunction()

# --- the partition ---
actor_bug(partition_loses_a_wake_up partition/partition.cpp
  [[self_.post(self_.ref, msg::Continue{}, *done.wake - self_.now());]] "")
actor_bug(partition_forgets_to_rewind partition/partition.cpp
  [[engine().rewind(m.epoch);]] "")

# --- the source ---
actor_bug(source_stays_when_it_has_failed partition/source.cpp
  [[return quit_when_committed();]] "return;")

# --- the bridge ---
actor_bug(bridge_reports_a_drain_early bridge/bridge.cpp
  [[reported_ = !busy.empty() || engine_->drained();]]
  [[reported_ = true;]])
actor_bug(bridge_loses_a_wake_up bridge/bridge.cpp
  [[self_.post(self_.ref, msg::Wake{}, *at - self_.now());]] "")

actor_bug(bridge_takes_a_stale_epoch bridge/bridge.cpp
  [[if (it == children_.end() || it->second.started != m.epoch) return;]]
  [[if (it == children_.end()) return;]])

# --- the supervisor ---
actor_bug(supervisor_takes_a_stale_bridge supervisor/supervisor.cpp
  [[if (stopping_ || self_.sender != bridge_.id()) return;]] "if (stopping_) return;")
actor_bug(supervisor_starts_a_task_too_early supervisor/supervisor.cpp
  [[if (is_closing(m.task)) {]] "if (false) {")
actor_bug(supervisor_closes_a_child_too_late supervisor/supervisor.cpp
  [[close(it->second, task);
  tasks_.erase(it);]]
  [[tasks_.erase(it);]])
actor_bug(supervisor_counts_a_restart_twice supervisor/supervisor.cpp
  [[count_restart(task);
  const auto& with_it]]
  [[count_restart(task), count_restart(task);
  const auto& with_it]])

# --- the root ---
actor_bug(root_starts_a_service_too_early supervisor/root.cpp
  [[if (!service.restarts || !service.is_due || service.supervisor) continue;]]
  [[if (!service.restarts || !service.is_due) continue;]])
actor_bug(root_reports_a_drain_early supervisor/root.cpp
  [[if (drained_.size() < services_.size()) return;]] "")
