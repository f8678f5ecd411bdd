package loopback

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/mdp/qrterminal/v3"
	"golang.org/x/term"

	"github.com/bearerkit/bearerkit/client"
)

// DeviceOptions configures [Device]. The zero value is valid.
type DeviceOptions struct {
	// Device has the options of the device authorization request.
	Device client.DeviceOptions

	// Out receives the text with the code and the address. Nil means os.Stderr.
	Out io.Writer

	// QR says when Device draws a QR code of the address. Zero means QRAuto: only if Out is a terminal.
	QR QR
}

// QR says when [Device] draws a QR code.
type QR int

// The values of QR.
const (
	QRAuto   QR = iota // draw it if Out is a terminal
	QRAlways           // draw it even if Out is not a terminal
	QRNever            // do not draw it
)

// Limits of what is printed. Users cannot be expected to type a longer code or address.
const (
	maxUserCode = 64
	maxAddress  = 1024
	maxQR       = 400 // bytes; a QR code of a longer address does not fit into a terminal window
)

// Device signs the user in with a browser on another device (RFC 8628), and returns the token. It prints an address and a
// code. It returns when the user has signed in or declined, when the code has expired, or when ctx ends.
//
// Control characters in the response of the server are escaped before they are printed, and Device writes no escape
// sequences of its own.
//
// The errors are those of [client.Client.StartDevice] and [client.Client.WaitDevice]. If the code expired or ctx ended while
// the server was unavailable, the text of the error says why the last request failed. If the code or the address is too
// long, or the address is not an http or https URL, the error matches [client.ErrBadResponse]. Device is safe for concurrent
// use.
func Device(ctx context.Context, c *client.Client, o DeviceOptions) (*client.Token, error) {
	d, err := c.StartDevice(ctx, o.Device)
	if err != nil {
		return nil, err
	}
	if err := showDevice(o, d); err != nil {
		return nil, err
	}
	return c.WaitDevice(ctx, d)
}

// showDevice prints the address and the code, and a QR code if wantsQR returns true. It always prints the code, so that
// the user can compare it with the one on the other device (RFC 8628, Section 3.3.1).
func showDevice(o DeviceOptions, d *client.DeviceAuthorization) error {
	out := o.Out
	if out == nil {
		out = os.Stderr
	}
	address, err := browsable(d.VerificationURI)
	if err != nil {
		return err
	}
	if len(address) > maxAddress || len(d.UserCode) > maxUserCode {
		return fmt.Errorf("loopback: %w: the address has %d bytes and the code %d, expected at most %d and %d",
			client.ErrBadResponse, len(address), len(d.UserCode), maxAddress, maxUserCode)
	}
	_, _ = fmt.Fprintf(out, "To sign in, open\n\n  %s\n\nand type\n\n  %s\n\n", address, printable(d.UserCode))
	// The QR code is optional: if the server sends no complete address, or one that is too long to draw, the printed text is
	// enough.
	complete, err := browsable(d.VerificationURIComplete)
	if err == nil && len(complete) <= maxQR && wantsQR(o.QR, out) {
		_, _ = fmt.Fprintln(out, "or scan this QR code, and compare the code:")
		qrterminal.GenerateHalfBlock(complete, qrterminal.L, out)
	}
	return nil
}

// wantsQR reports whether to draw a QR code into out. With QRAuto it requires a terminal, because a QR code in a file or
// a log is not readable.
func wantsQR(qr QR, out io.Writer) bool {
	file, ok := out.(*os.File)
	return qr == QRAlways || qr == QRAuto && ok && term.IsTerminal(int(file.Fd()))
}

// printable returns text with all characters that are not printable escaped as in a Go string, such as \x1b. The text
// comes from the server, and could otherwise control the terminal.
func printable(text string) string {
	var shown strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			_, _ = shown.WriteRune(r)
			continue
		}
		// QuoteRuneToASCII returns a rune literal, such as '\x1b'. Only the part between the quotes is wanted.
		_, _ = shown.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
	}
	return shown.String()
}
