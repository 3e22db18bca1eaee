// Files of a broker that were damaged while it was down.
#pragma once

#include "integration-tests/faults/scene.h"

namespace quokka {

void torn_tails(Scene& scene);        // F28: the last segment of a killed broker ends anywhere in its last two batches
void flipped_bits(Scene& scene);      // F29: one bit of the last batch
void damaged_side_files(Scene& scene);  // F30: indexes, snapshots, checkpoints: missing, empty, zeroed, longer, other bytes

}  // namespace quokka
