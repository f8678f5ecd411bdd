// Package testing is a small application with tests. docs/testing.md explains them.
package testing
