// Package providers contains the Go code of docs/providers.md. A test compares the two. It runs the functions for APIs with a
// token of the form that the document shows, and the functions for clients against a server that behaves like the provider.
package providers
