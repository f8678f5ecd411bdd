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

// DeviceOptions say how a user signs in somewhere else. The zero value works.
type DeviceOptions struct {
	// Device is what the user is asked for.
	Device client.DeviceOptions

	// Out is told the code and the address. Nil: os.Stderr.
	Out io.Writer

	// QR says whether a QR code is drawn, too. Zero: where Out is a terminal.
	QR QR
}

// QR says when to draw a QR code.
type QR int

// When a QR code is drawn.
const (
	QRAuto QR = iota
	QRAlways
	QRNever
)

// What is longer nobody types, or reads in a terminal.
const (
	maxUserCode = 64
	maxAddress  = 1024
	maxQR       = 400 // octets; a QR code of more does not fit beside anything
)

// Device has the user sign in on another device (RFC 8628), and returns when they have, or when ctx or the server's time
// ends. Nothing that the server sends is obeyed by a terminal, and no escape sequences are written. Errors are those of
// [client.Client.StartDevice] and [client.Client.WaitDevice]; [client.ErrBadAnswer] is also an answer that cannot be
// shown. It is safe for concurrent use.
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

// showDevice shows the code also to those who scan it: they compare (RFC 8628 §3.3.1).
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

func wantsQR(qr QR, out io.Writer) bool {
	file, ok := out.(*os.File)
	return qr == QRAlways || qr == QRAuto && ok && term.IsTerminal(int(file.Fd()))
}

// printable escapes what a terminal would obey instead of showing it.
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
