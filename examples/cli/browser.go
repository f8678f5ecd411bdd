package main

import (
	"crypto/tls"
	"flag"

	"github.com/bearerkit/bearerkit/client/loopback"
)

// browserFlags are the flags for the redirect URI, which must be registered at the provider. Without these flags, the
// redirect URI is http://127.0.0.1/callback with a free port.
type browserFlags struct {
	host, listen     string
	certificate, key string // files
	port             int
	noPath           bool
}

func (b *browserFlags) register(flags *flag.FlagSet) {
	flags.StringVar(&b.host, "host", "", "host of the redirect URI; empty: 127.0.0.1")
	flags.IntVar(&b.port, "port", 0, "port of the redirect URI; 0: any free port")
	flags.BoolVar(&b.noPath, "no-path", false, "use a redirect URI without a path")
	flags.StringVar(&b.certificate, "certificate", "", "PEM file with a certificate that your browser trusts, for an https redirect URI; empty: http")
	flags.StringVar(&b.key, "key", "", "PEM file with the private key of -certificate")
	flags.StringVar(&b.listen, "listen", "", "address to listen on in a container, such as 0.0.0.0:8080; empty: the loopback interface")
}

// options returns the options for loopback.SignIn.
func (b *browserFlags) options() (loopback.Options, error) {
	o := loopback.Options{Host: b.host, Port: b.port, NoPath: b.noPath, InsecureListen: b.listen}
	if b.certificate == "" {
		return o, nil
	}
	pair, err := tls.LoadX509KeyPair(b.certificate, b.key)
	o.Certificate = &pair
	return o, err
}
