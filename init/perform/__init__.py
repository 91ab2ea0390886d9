"""Operations carried out: the only room that turns an operation into system calls."""
