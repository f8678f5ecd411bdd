//go:build go1.27 || fips140v1.0

package fips

// Prepare does nothing: with this Go version, random numbers are available in the bubbles of testing/synctest.
func Prepare() {}
