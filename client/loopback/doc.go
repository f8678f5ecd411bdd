// Package loopback signs in the users of command-line programs. [SignIn] opens the user's browser and receives the
// authorization response on a local port (RFC 8252, Section 7.3). On a machine without a browser, use [Device]. It prints
// a code that the user types or scans on another device (RFC 8628).
//
//	token, err := loopback.SignIn(ctx, c, loopback.Options{})
//	token, err := loopback.Device(ctx, c, loopback.DeviceOptions{})
//
// The redirect URI is http://127.0.0.1/callback with a free port. If your server requires another one, such as
// "http://localhost" or an https URI, see Host, Port, NoPath and Certificate of [Options].
//
// The package is a module of its own because it depends on a library that draws QR codes.
package loopback
