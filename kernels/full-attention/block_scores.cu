#include "../cuda/common.cuh"

// S [rows, Hkv, all] from the block maxima of logits [rows, Hq, all] and each row's log of its softmax's denominator
// [rows, Hq]: the largest probability in a block of any head of the group; 0 where a block is not visible.
KERNEL block_scores(const float *maxima, const float *lse, float *scores, int rows, int Hkv, int G, int all, int block,
                    int start) {
  const int b = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y, head = blockIdx.z;
  if (b >= all) return;
  float best = 0;
  if (b <= (start + row) / block)
    for (int g = 0; g < G; g++) {
      const i64 at = ((i64)row * Hkv + head) * G + g;
      best = fmaxf(best, expf(maxima[at * all + b] - lse[at]));
    }
  scores[((i64)row * Hkv + head) * all + b] = best;
}
