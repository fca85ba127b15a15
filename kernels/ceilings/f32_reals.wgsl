// Numbers of 32 bits.
alias Real = f32;
