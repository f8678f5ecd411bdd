package loopback

import (
	"context"
	"fmt"
	"io"
	"os"
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

// Device has the user sign in on another device, and returns when they have, or ctx or the time ends.
func Device(ctx context.Context, c *client.Client, o DeviceOptions) (*client.Token, error) {
	d, err := c.StartDevice(ctx, o.Device)
	if err != nil {
		return nil, err
	}
	out := o.Out
	if out == nil {
		out = os.Stderr
	}
	_, _ = fmt.Fprintf(out, "To sign in, open\n\n  %s\n\nand type\n\n  %s\n\n", printable(d.VerificationURI), printable(d.UserCode))
	if d.VerificationURIComplete != "" && wantsQR(o.QR, out) {
		_, _ = fmt.Fprintln(out, "or scan this, and compare the code:")
		qrterminal.GenerateHalfBlock(d.VerificationURIComplete, qrterminal.L, out)
	}
	return c.WaitDevice(ctx, d)
}

func wantsQR(qr QR, out io.Writer) bool {
	file, ok := out.(*os.File)
	return qr == QRAlways || qr == QRAuto && ok && term.IsTerminal(int(file.Fd()))
}

// printable drops what a terminal would obey instead of showing it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
