// Package replay records which proofs of possession were used, so that no proof is accepted twice (RFC 9449 section 11.1).
//
// [Memory] records them in the memory of one process. A Guard of package middleware uses one unless its configuration has
// another store, and store.NewReplays exports it.
package replay
