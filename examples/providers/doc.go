// Package providers contains the Go code of docs/providers.md. A test compares the two, and runs each function with a token
// of the form that the document shows.
package providers
