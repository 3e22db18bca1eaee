// Brokers that must not start beside a running cluster, and the cluster that must not notice.
#pragma once

#include "integration-tests/faults/scene.h"

namespace quokka {

void second_broker_of_one_id(Scene& scene);         // F18
void second_broker_on_one_log_directory(Scene& scene);  // F19
void broker_of_another_cluster(Scene& scene);       // F20: wrong cluster.id, then wrong broker.id in meta.properties

}  // namespace quokka
