// Package loopback signs in the users of command-line programs. [SignIn] opens the user's browser and receives the
// authorization response on a local port (RFC 8252, Section 7.3). On a machine without a browser, use [Device]. It prints an
// address and a code, which the user opens and types on another device (RFC 8628).
//
//	token, err := loopback.SignIn(ctx, c, loopback.Options{})
//	token, err := loopback.Device(ctx, c, loopback.DeviceOptions{})
//
// By default, the redirect URI is http://127.0.0.1:PORT/callback, where PORT is any free port. Register it at your server as
// "http://127.0.0.1/callback". If the server requires another redirect URI, such as "http://localhost" or an https URI, see
// Host, Port, NoPath and Certificate of [Options].
//
// The package is a module of its own, because it depends on a library that draws QR codes.
package loopback
