// Numbers of the device's arithmetic between 16-bit operands.
alias Real = Arith;
