#include "../cuda/common.cuh"

// S [rows, Hkv, all] from what full_group leaves, the largest logits in blocks of 64 keys and the logs of the softmax's
// denominators: the largest probability in a block, of `sixty_fours` of those, of any head of the group; 0 where a block is not
// visible. Blocks of threads take 64 blocks of 16 rows.
KERNEL __launch_bounds__(256) tile_scores(const float *maxima, const float *lse, float *scores, int rows, int Hkv, int G,
                                          int all, int sixty_fours, int start) {
  constexpr int ROWS = 16, BLOCKS = 64, TILE = 128, AT_ONCE = BLOCKS * ROWS / 256;
  __shared__ float staged[ROWS][BLOCKS + 1];
  const int tid = threadIdx.x, r = tid % ROWS, sixteen = blockIdx.y, head = blockIdx.z;
  const int first = sixteen * ROWS - start % TILE, position = start + first + r;  // of the 16 rows, and this thread's
  const int tiles = gridDim.y * ROWS / TILE, written = 2 * (start / TILE + tiles);
  const int mine = blockIdx.x * BLOCKS + tid / ROWS;  // and every sixteenth after it
  float best[AT_ONCE];
#pragma unroll
  for (int j = 0; j < AT_ONCE; j++) best[j] = -INFINITY;
  for (int part = 0; part < sixty_fours; part++) {
    const int visible = (position / 64 - part + sixty_fours) / sixty_fours;  // blocks of whose `part` something is
#pragma unroll 4
    for (int g = 0; g < G; g++) {
      const i64 group = ((i64)(head * G + g) * tiles * TILE / ROWS + sixteen);
      const float of_row = lse[group * ROWS + r];
      const float *from = maxima + (group * written + (i64)mine * sixty_fours + part) * ROWS + r;
#pragma unroll
      for (int j = 0; j < AT_ONCE; j++)
        if (mine + 16 * j < visible) best[j] = fmaxf(best[j], __ldcs(from + (i64)16 * j * sixty_fours * ROWS) - of_row);
    }
  }
#pragma unroll
  for (int j = 0; j < AT_ONCE; j++) staged[r][tid / ROWS + 16 * j] = exp2f(best[j]);
  __syncthreads();
  for (int i = tid; i < ROWS * BLOCKS; i += 256) {
    const int row = first + i / BLOCKS, b = blockIdx.x * BLOCKS + i % BLOCKS;
    if (row >= 0 && row < rows && b < all) scores[((i64)row * Hkv + head) * all + b] = staged[i / BLOCKS][i % BLOCKS];
  }
}
