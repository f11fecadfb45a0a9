"""HTTP to addresses that strangers name: judged before, and held to the judgement while connecting."""
