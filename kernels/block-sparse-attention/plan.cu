#include "../cuda/common.cuh"

// Turns lists of blocks by query, [rows, heads, slots], into lists of queries by block, so that a block's keys are loaded once for
// all of a chunk's queries that chose it. List l = head * all + block holds entries row * slots + slot, in any order: offsets[l] ..
// offsets[l + 1] - 1 of `entries`. It is worked off in items of `most` entries: items[l] .. items[l + 1] - 1.

// `counts` [heads * all] were cleared.
KERNEL plan_count(const uint32_t *blocks, int *counts, int rows, int heads, int slots, int all) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= rows * heads * slots) return;
  const uint32_t b = blocks[i];
  if (b != NO_BLOCK) atomicAdd(counts + i / slots % heads * all + b, 1);
}

// Offsets and items [lists + 1] from counts, by one block of 1,024 threads; counts become cursors for plan_scatter.
KERNEL plan_offsets(int *counts, int *offsets, int *items, int lists, int most) {
  __shared__ int entry_sums[32], item_sums[32];
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, share = (lists + 1023) / 1024, from = tid * share;
  int entries = 0, parts = 0;
  for (int l = from; l < min(lists, from + share); l++) {
    entries += counts[l];
    parts += (counts[l] + most - 1) / most;
  }
  int entries_to = entries, parts_to = parts;  // sums up to and with this thread's
  for (int i = 1; i < 32; i *= 2) {
    const int e = __shfl_up_sync(ALL_LANES, entries_to, i), p = __shfl_up_sync(ALL_LANES, parts_to, i);
    if (lane >= i) entries_to += e, parts_to += p;
  }
  if (lane == 31) entry_sums[warp] = entries_to, item_sums[warp] = parts_to;
  __syncthreads();
  for (int w = 0; w < warp; w++) entries_to += entry_sums[w], parts_to += item_sums[w];
  int offset = entries_to - entries, item = parts_to - parts;
  for (int l = from; l < min(lists, from + share); l++) {
    offsets[l] = offset;
    items[l] = item;
    offset += counts[l];
    item += (counts[l] + most - 1) / most;
    counts[l] = offsets[l];
  }
  if (tid == 1023) {
    offsets[lists] = entries_to;
    items[lists] = parts_to;
  }
}

KERNEL plan_scatter(const uint32_t *blocks, int *cursors, int *entries, int rows, int heads, int slots, int all) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= rows * heads * slots) return;
  const uint32_t b = blocks[i];
  if (b == NO_BLOCK) return;
  const int row = i / slots / heads, slot = i % slots;
  entries[atomicAdd(cursors + i / slots % heads * all + b, 1)] = row * slots + slot;
}
