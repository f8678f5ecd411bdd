// Package demo is what the examples share: an authorization server on loopback that gives a token to whoever asks, and
// the running of an API beside it. Nothing in it is for production, and nothing in it is needed to use the kit.
package demo
