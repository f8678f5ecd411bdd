// Package chaos provides an issuer that fails on command. It is for tests.
//
// An [Issuer] is a real HTTP server. Tests reach it through memory in a bubble of testing/synctest, or through a loopback
// socket. A [Fault] describes a failure. It applies to one of the issuer's documents, or to both:
//
//	issuer, err := chaos.New(bearertest.IssuerConfig{}, chaos.Memory)
//	issuer.Fail(chaos.Hang)              // metadata and keys
//	issuer.Fail(chaos.Empty, chaos.Keys) // keys only
//	issuer.Heal()
//
// [Issuer.Stop] disconnects the issuer from the network. [Issuer.Start] connects it again, at another address.
//
// The tests of this package send requests through the whole kit while the issuer fails. They measure the service levels in
// docs/resilience.md.
package chaos
