// Package demo contains the code that the examples share: an authorization server on loopback that issues a token to every
// caller, and functions that run an API with it. Applications do not need this package. Do not use it in production.
package demo
