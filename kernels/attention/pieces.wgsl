// A piece is what one invocation loads of a 16-bit row at once: PIECE values, 8 for rows of a multiple of 8, else 4.

const LAST = PIECE / 2u - 2u;

fn half4_of(piece: Piece, i: u32) -> Half4 { return select(piece.xy, Half4(piece[LAST], piece[LAST + 1u]), i == 1u); }
