//! The relay as a library: the binary and the tests start it the same way.
