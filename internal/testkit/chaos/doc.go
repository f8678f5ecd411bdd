// Package chaos has an issuer that fails on command. It is for tests.
//
// An [Issuer] is a real HTTP server, reached over memory inside of a testing/synctest bubble or over a loopback socket.
// What goes wrong is a [Fault], set for one of its documents or for both:
//
//	issuer := chaos.New(bearertest.IssuerConfig{}, chaos.Memory)
//	issuer.Fail(chaos.Hang)              // metadata and keys
//	issuer.Fail(chaos.Empty, chaos.Keys) // keys alone
//	issuer.Heal()
//
// [Issuer.Stop] takes it off the network, and [Issuer.Start] brings it back at another address.
package chaos
