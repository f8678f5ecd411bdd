// Package loopback signs users of command-line programs in: by their own browser, which comes back to a port of this
// machine (RFC 8252 §7.3), or, where there is no browser, by a code that they type, or scan, somewhere else (RFC 8628).
//
//	token, err := loopback.SignIn(ctx, c, loopback.Options{})
//	token, err := loopback.Device(ctx, c, loopback.DeviceOptions{})
//
// It is a module of its own because of the library that draws QR codes.
package loopback
