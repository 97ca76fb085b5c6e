//! Benchmarks: the kernel alone; runs are kept in `runs/`, by date and machine.
