// Package benchmarks measures the kit against other Go libraries that verify access tokens, on the same tokens and keys,
// in the same run. It contains only tests. README.md lists the rules of the comparison.
//
// FuzzDifferential compares decisions instead of times: golang-jwt must accept every token that the kit accepts, and read
// the same values.
package benchmarks
