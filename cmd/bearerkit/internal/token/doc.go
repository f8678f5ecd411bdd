// Package token is the command token. It gets an access token with the client credentials grant, with the browser of this machine, or
// with a code that the user types on another device. It writes the token to the standard output, and everything else to the standard
// error, so that a shell can insert the token into another command.
//
// The package contains only the choice of the flow, the output and the advice about errors. Packages client and client/loopback send
// the requests and check the responses.
package token
