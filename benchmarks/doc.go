// Package benchmarks measures the kit against other Go libraries that verify access tokens, on the same tokens and keys,
// in the same run. It holds no code but its tests; README.md has the rules of the comparison.
package benchmarks
