// Command readme contains the Go code of README.md. A test compares the two.
package main
