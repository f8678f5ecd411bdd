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

// DeviceOptions configure [Device]. The zero value works.
type DeviceOptions struct {
	// Device has the options of the device authorization request.
	Device client.DeviceOptions

	// Out is where the code and the address are written. Nil means os.Stderr.
	Out io.Writer

	// QR says whether a QR code is drawn. The zero value, QRAuto, draws one if Out is a terminal.
	QR QR
}

// QR says when [Device] draws a QR code.
type QR int

// Values of QR.
const (
	QRAuto   QR = iota // if the output is a terminal
	QRAlways           // also if the output is a file
	QRNever
)

// A longer code or address cannot be typed, or read in a terminal.
const (
	maxUserCode = 64
	maxAddress  = 1024
	maxQR       = 400 // bytes; a QR code of more does not fit into a terminal window
)

// Device signs the user in on another device (RFC 8628). It prints an address and a code, and returns when the user has
// signed in, or when ctx or the lifetime of the code ends.
//
// Control characters that the server sends are escaped before they are printed, and Device writes no escape sequences. The
// errors are those of [client.Client.StartDevice] and [client.Client.WaitDevice]. The error also matches
// [client.ErrBadAnswer] if the code or the address cannot be shown. Device is safe for concurrent use.
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

// showDevice prints the code even if there is a QR code, so that the user can compare the two (RFC 8628, Section 3.3.1).
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
		return fmt.Errorf("loopback: %w: the code or its address is too long to type", client.ErrBadAnswer)
	}
	_, _ = fmt.Fprintf(out, "To sign in, open\n\n  %s\n\nand type\n\n  %s\n\n", address, printable(d.UserCode))
	complete, err := browsable(d.VerificationURIComplete)
	if err == nil && len(complete) <= maxQR && wantsQR(o.QR, out) {
		_, _ = fmt.Fprintln(out, "or scan this, and compare the code:")
		qrterminal.GenerateHalfBlock(complete, qrterminal.L, out)
	}
	return nil
}

// wantsQR reports whether a QR code is drawn into out. Into a file it would be noise, so QRAuto looks for a terminal.
func wantsQR(qr QR, out io.Writer) bool {
	file, ok := out.(*os.File)
	return qr == QRAlways || qr == QRAuto && ok && term.IsTerminal(int(file.Fd()))
}

// printable escapes characters that would control a terminal.
func printable(text string) string {
	var shown strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			_, _ = shown.WriteRune(r)
			continue
		}
		_, _ = shown.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
	}
	return shown.String()
}
