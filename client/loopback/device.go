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

	// QR says when a QR code is drawn. Zero means QRAuto: one is drawn if Out is a terminal.
	QR QR
}

// QR says when [Device] draws a QR code.
type QR int

// The values of QR.
const (
	QRAuto   QR = iota // if the output is a terminal
	QRAlways           // even if the output is not a terminal
	QRNever
)

// Limits of what is printed. Nobody can type a longer code or address.
const (
	maxUserCode = 64
	maxAddress  = 1024
	maxQR       = 400 // bytes; a QR code of more does not fit into a terminal window
)

// Device signs the user in with a browser on another device (RFC 8628). It prints an address and a code. It returns when
// the user has signed in or declined, when the code has expired, or when ctx ends.
//
// Control characters in the response of the server are escaped before they are printed, and Device writes no escape
// sequences of its own. If the server could not be reached at last, the text of the error says why. The errors are those of [client.Client.StartDevice] and [client.Client.WaitDevice]. If the code
// or the address cannot be shown, the error matches [client.ErrBadResponse]. Device is safe for concurrent use.
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
		return fmt.Errorf("loopback: %w: the code or its address is too long to type", client.ErrBadResponse)
	}
	_, _ = fmt.Fprintf(out, "To sign in, open\n\n  %s\n\nand type\n\n  %s\n\n", address, printable(d.UserCode))
	// The QR code is optional: if the server sends no complete address, or one that is too long to draw, the printed text is
	// enough.
	complete, err := browsable(d.VerificationURIComplete)
	if err == nil && len(complete) <= maxQR && wantsQR(o.QR, out) {
		_, _ = fmt.Fprintln(out, "or scan this, and compare the code:")
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
