#include "../attention/attend_tensor.cuh"
#include "../cuda/copy_engine.cuh"
#include "../cuda/warpgroup.cuh"

// Causal attention of a chunk by warpgroups: one block of three per processor. Two take 64 queries of a head each past tiles of
// 128 keys, the diagonal's first; a warp of the third starts the copies of the keys, one those of the values. Tiles of queries
// and keys lie on the same grid of positions, so the diagonal's alone is masked: of the first tile of queries the rows before
// the chunk, and of the last those behind it, are idle. Products of the next tile with the queries are issued before those of
// this tile's weights with the values, and exponentials are taken while the latter run.
// The maximum that exponentials are taken relative to moves only when a tile exceeds it by 2^LAZY: weights may be that large.

constexpr int GROUP_TILE = 128;
constexpr float LAZY = 8;

// Which tile of queries is next, of the launch that runs: back to 0 when each block has been told that there is none.
__device__ unsigned group_turn;

// Fills of one ring of buffers, as those who fill or empty it count them.
template <int COUNT> struct Ring {
  int at = 0, parity;
  __device__ __forceinline__ void next() {
    if (++at < COUNT) return;
    at = 0;
    parity ^= 1;
  }
};

struct GroupJob {
  const float *q;  // [rows, Hq, D]
  float *out;      // [rows, Hq, D]
  float *maxima;   // [Hq, tiles of queries, 8, blocks of 64 keys of all tiles, 16 rows]: largest logit, in powers of two; or null
  float *lse;      // [Hq, tiles of queries * 128]: log of the softmax's denominator, in powers of two
  int rows, Hq, Hkv, start;
  float scale;
};

// What a tile of queries is: of which head, how many tiles of keys are before its diagonal's, where its rows begin in the chunk.
struct GroupTile {
  int head, index, before, row0;
};

template <int D, bool SCORES>
__device__ __forceinline__ void full_group(const TensorMap &keys, const TensorMap &values, const GroupJob &job) {
  constexpr int TILE = GROUP_TILE * D * 2, STAGES = D == 128 ? 3 : 4, WARPS = 8, READERS = WARPS + 2;
  extern __shared__ __align__(1024) uint8_t tiles_shared[];
  __shared__ __align__(8) uint64_t barriers[4 * STAGES + 4];
  __shared__ int turns[2];
  const int tid = threadIdx.x, lane = tid % 32, warp = __shfl_sync(ALL_LANES, tid / 32, 0), group = warp / 4;
  const uint32_t k_tiles = shared_address(tiles_shared), v_tiles = k_tiles + STAGES * TILE;
  const uint32_t k_full = shared_address(barriers), k_empty = k_full + 8 * STAGES;
  const uint32_t v_full = k_empty + 8 * STAGES, v_empty = v_full + 8 * STAGES;
  const uint32_t told = v_empty + 8 * STAGES, heard = told + 16;
  const int G = job.Hq / job.Hkv, lead = job.start % GROUP_TILE;
  const int chunk_tiles = (lead + job.rows + GROUP_TILE - 1) / GROUP_TILE, all = chunk_tiles * job.Hq;
  if (tid == 0) {
    for (int i = 0; i < STAGES; i++) {
      barrier_open(k_full + 8 * i, 1);
      barrier_open(v_full + 8 * i, 1);
      barrier_open(k_empty + 8 * i, WARPS);
      barrier_open(v_empty + 8 * i, WARPS);
    }
    for (int i = 0; i < 2; i++) {
      barrier_open(told + 8 * i, 1);
      barrier_open(heard + 8 * i, READERS);
    }
    barriers_opened();
  }
  __syncthreads();

  // The warp of the keys draws a turn and tells it to all that work on it, two turns at most ahead of the slowest.
  auto hear = [&](int k) {
    barrier_wait_asleep(told + 8 * (k % 2), k / 2 % 2);
    const int turn = ((volatile int *)turns)[k % 2];
    __syncwarp(__activemask());
    if (lane == 0) barrier_arrive(heard + 8 * (k % 2));
    return turn;
  };
  // Heads that share keys follow one another, the longest tiles of theirs first.
  auto tile_of = [&](int turn) -> GroupTile {
    const int per = chunk_tiles * G, head = turn / per, rest = turn % per, index = chunk_tiles - 1 - rest / G;
    return {head * G + rest % G, index, job.start / GROUP_TILE + index, index * GROUP_TILE - lead};
  };

  if (group == 2) {
    give_registers<24>();
    auto copy = [&](const TensorMap &map, uint32_t to, int tile, int head, uint32_t full) {
      barrier_expect(full, TILE);
#pragma unroll
      for (int part = 0; part < D / 64; part++)
        copy_tile(to + part * GROUP_TILE * 128, map, part * 64, tile * GROUP_TILE, head, full);
    };
    if (warp % 4 < 2 && lane == 0) {
      const bool of_keys = warp % 4 == 0;
      const TensorMap &map = of_keys ? keys : values;
      const uint32_t to = of_keys ? k_tiles : v_tiles, full = of_keys ? k_full : v_full, empty = of_keys ? k_empty : v_empty;
      Ring<STAGES> ring{0, 1};
      for (int k = 0;; k++) {
        if (of_keys) {
          if (k >= 2) barrier_wait_asleep(heard + 8 * (k % 2), (k / 2 - 1) % 2);
          ((volatile int *)turns)[k % 2] = (int)atomicInc(&group_turn, all + gridDim.x - 1);
          barrier_arrive(told + 8 * (k % 2));
        }
        const int turn = hear(k);
        if (turn >= all) break;
        const GroupTile tile = tile_of(turn);
#pragma unroll 1
        for (int i = tile.before; i >= 0; i--, ring.next()) {
          barrier_wait_asleep(empty + 8 * ring.at, ring.parity);
          copy(map, to + ring.at * TILE, i, tile.head / G, full + 8 * ring.at);
        }
      }
    }
    __syncwarp();
    return;
  }

  take_registers<240>();
  const int c = lane % 4, mine = warp * 16 + lane / 4;  // this lane's rows of a tile: `mine` and 8 further
  const float scale2 = job.scale * LOG2E, up = LAZY / scale2;
  Ring<STAGES> k_ring{0, 0}, v_ring{0, 0};
  auto release = [&](uint32_t empty) {
    if (lane == 0) barrier_arrive(empty);
  };
  for (int k = 0;; k++) {
    const int turn = hear(k);
    if (turn >= all) break;
    const GroupTile tile = tile_of(turn);
    const int row = tile.row0 + mine;
    const bool there[2] = {row >= 0 && row < job.rows, row + 8 >= 0 && row + 8 < job.rows};
    uint32_t q[D / 16][4], weights[GROUP_TILE / 16][4];
    const float *mine_q = job.q + ((i64)row * job.Hq + tile.head) * D;
    load_queries<D>(q, {there[0] ? mine_q : nullptr, there[1] ? mine_q + 8 * (i64)job.Hq * D : nullptr});
    float out[D / 2], s[64];
#pragma unroll
    for (int i = 0; i < D / 2; i++) out[i] = 0;
    float most[2], ceiling[2], sum[2] = {0, 0}, fade[2] = {1, 1};
    float largest[2][2];  // of the tile's two blocks, of the two rows
    float *to_maxima = nullptr;  // of the row and block that this lane writes
    if constexpr (SCORES) {
      const int blocks = 2 * (job.start / GROUP_TILE + chunk_tiles);
      to_maxima = job.maxima + (((i64)tile.head * chunk_tiles + tile.index) * 8 + warp) * blocks * 16 +
                  (2 * tile.before + c % 2) * 16 + lane / 4 + c / 2 * 8;
    }

    auto multiply_keys = [&] {
      const uint64_t b = group_operand(k_tiles + k_ring.at * TILE);
#pragma unroll
      for (int j = 0; j < D / 16; j++)
        group_multiply<false>(s, q[j], b + j / 4 * (GROUP_TILE * 128 / 16) + j % 4 * 2, j > 0);
      group_commit();
    };
    auto multiply_values = [&] {
      const uint64_t b = group_operand(v_tiles + v_ring.at * TILE, GROUP_TILE * 128);
#pragma unroll
      for (int j = 0; j < GROUP_TILE / 16; j++) group_multiply<true>(out, weights[j], b + j * 128, 1);
      group_commit();
    };
    auto find_largest = [&] {
#pragma unroll
      for (int b = 0; b < 2; b++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          float x = s[32 * b + 2 * r];
#pragma unroll
          for (int j = 0; j < 8; j++) x = fmaxf(x, fmaxf(s[32 * b + 4 * j + 2 * r], s[32 * b + 4 * j + 2 * r + 1]));
          largest[b][r] = x;
        }
    };
    // Four values of a quad, two blocks of two rows, each to the lane that writes it.
    auto write_maxima = [&] {
      const bool second = c % 2, lower = c / 2;
      float kept[2];
#pragma unroll
      for (int r = 0; r < 2; r++) {
        const float given = __shfl_xor_sync(ALL_LANES, second ? largest[0][r] : largest[1][r], 1);
        kept[r] = fmaxf(second ? largest[1][r] : largest[0][r], given);
      }
      const float given = __shfl_xor_sync(ALL_LANES, lower ? kept[0] : kept[1], 2);
      __stcs(to_maxima, fmaxf(lower ? kept[1] : kept[0], given) * scale2);
      to_maxima -= 32;
    };
    auto exponentials = [&] {
#pragma unroll
      for (int j = 0; j < 16; j++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          float &x = s[4 * j + 2 * r], &y = s[4 * j + 2 * r + 1];
          x = exp2_fast(fmaf(x, scale2, -most[r]));
          y = exp2_fast(fmaf(y, scale2, -most[r]));
          sum[r] += x + y;
        }
    };
    auto pack = [&] {
#pragma unroll
      for (int j = 0; j < 32; j++) weights[j / 4][j % 4] = pack_halves(s[2 * j], s[2 * j + 1]);
    };

    barrier_wait(k_full + 8 * k_ring.at, k_ring.parity);
    group_fence();
    multiply_keys();
    group_wait<0>();
    group_done(s);
    release(k_empty + 8 * k_ring.at);
    k_ring.next();
#pragma unroll
    for (int j = 0; j < 16; j++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        if (8 * j + 2 * c + e % 2 > mine + e / 2 * 8) s[4 * j + e] = -INFINITY;
    find_largest();
#pragma unroll
    for (int r = 0; r < 2; r++) {
      most[r] = quad_max(fmaxf(largest[0][r], largest[1][r])) * scale2;
      ceiling[r] = most[r] / scale2 + up;
    }
    exponentials();
    pack();
    bool k_there = false, v_there = false;  // whether the next tile was seen to lie ready
#pragma unroll 1
    for (int i = tile.before; i > 0; i--) {
      if (!k_there) barrier_wait(k_full + 8 * k_ring.at, k_ring.parity);
      group_fence();
      multiply_keys();
      if (!v_there) barrier_wait(v_full + 8 * v_ring.at, v_ring.parity);
      group_fence();
      multiply_values();
      if constexpr (SCORES) write_maxima();  // of the tile before
      const uint32_t k_done = k_empty + 8 * k_ring.at, v_done = v_empty + 8 * v_ring.at;
      k_ring.next();
      v_ring.next();
      group_wait<1>();
      group_done(s);
      release(k_done);
      k_there = barrier_passed(k_full + 8 * k_ring.at, k_ring.parity);
      v_there = barrier_passed(v_full + 8 * v_ring.at, v_ring.parity);
      find_largest();
      const float of_row[2] = {fmaxf(largest[0][0], largest[1][0]), fmaxf(largest[0][1], largest[1][1])};
      const bool moves = __any_sync(ALL_LANES, of_row[0] > ceiling[0] || of_row[1] > ceiling[1]);
      if (moves) {
#pragma unroll
        for (int r = 0; r < 2; r++) {
          const float higher = fmaxf(most[r], quad_max(of_row[r]) * scale2);
          fade[r] = exp2_fast(most[r] - higher);
          most[r] = higher;
          ceiling[r] = higher / scale2 + up;
          sum[r] *= fade[r];
        }
      }
      exponentials();
      group_wait<0>();
      group_done(out);
      release(v_done);
      if (moves) {
#pragma unroll
        for (int j = 0; j < D / 2; j++) out[j] *= fade[j / 2 % 2];
      }
      pack();  // only now: the weights were operands of what ran
    }
    barrier_wait(v_full + 8 * v_ring.at, v_ring.parity);
    group_fence();
    multiply_values();
    if constexpr (SCORES) write_maxima();
    group_wait<0>();
    group_done(out);
    release(v_empty + 8 * v_ring.at);
    v_ring.next();
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const float all_sum = quad_sum(sum[r]);
      if constexpr (SCORES)
        if (c == 0)
          job.lse[((i64)tile.head * chunk_tiles + tile.index) * GROUP_TILE + mine + 8 * r] = most[r] + log2f(all_sum);
      if (!there[r]) continue;
      float *to = job.out + ((i64)(row + 8 * r) * job.Hq + tile.head) * D + c * 2;
#pragma unroll
      for (int j = 0; j < D / 8; j++)
        __stcs((float2 *)(to + j * 8), {out[4 * j + 2 * r] / all_sum, out[4 * j + 2 * r + 1] / all_sum});
    }
  }
}

#define FULL_GROUP(D)                                                                                                   \
  KERNEL __launch_bounds__(384, 1) full_group_##D(const __grid_constant__ TensorMap keys,                                  \
                                                  const __grid_constant__ TensorMap values, const float *q, float *out,   \
                                                  int rows, int Hq, int Hkv, int start, float scale) {                  \
    full_group<D, false>(keys, values, {q, out, nullptr, nullptr, rows, Hq, Hkv, start, scale});                          \
  }                                                                                                                      \
  KERNEL __launch_bounds__(384, 1) full_group_scores_##D(const __grid_constant__ TensorMap keys,                           \
                                                         const __grid_constant__ TensorMap values, const float *q,        \
                                                         float *out, float *maxima, float *lse, int rows, int Hq,         \
                                                         int Hkv, int start, float scale) {                             \
    full_group<D, true>(keys, values, {q, out, maxima, lse, rows, Hq, Hkv, start, scale});                                \
  }
FULL_GROUP(64)
FULL_GROUP(128)
