// Command cli signs its user in: by a browser on this machine, or by a code that they type, or scan, somewhere else. It
// runs beside a provider of its own, or with any other:
//
//	go run ./cli
//	go run ./cli -flow device
//	go run ./cli -issuer https://login.example.com -client-id cli
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/signin"
)

func main() { demo.Main(run) }

func run(ctx context.Context, args []string, stdout io.Writer) error {
	var cfg client.Config
	flags := flag.NewFlagSet("cli", flag.ContinueOnError)
	kind := flags.String("flow", "loopback", "loopback, or device")
	scopes := flags.String("scope", "openid profile", "scopes to ask for")
	flags.StringVar(&cfg.Issuer, "issuer", "", "OpenID provider; empty: one of its own")
	flags.StringVar(&cfg.ClientID, "client-id", "", "client id")
	flags.StringVar(&cfg.ClientSecret, "client-secret", "", "client secret; empty: a public client")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cfg.Scopes = strings.Fields(*scopes)
	if cfg.Issuer == "" {
		if err := ownProvider(ctx, *kind, &cfg); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(stdout, "Sign in as %s with the password %s.\n\n", signin.User, signin.Password)
	}
	token, err := signIn(ctx, *kind, cfg, stdout)
	if err != nil {
		return err
	}
	who := "somebody" // without the scope openid nobody says who
	if token.IDClaims != nil {
		who = token.IDClaims.Subject()
	}
	_, _ = fmt.Fprintf(stdout, "Signed in as %s, with the scopes %s, until %s.\n",
		who, strings.Join(token.Scopes, " "), token.Expiry.Format("15:04"))
	return nil
}

func ownProvider(ctx context.Context, kind string, cfg *client.Config) (err error) {
	cfg.ClientID = signin.NativeClient
	if kind == "device" {
		cfg.ClientID, cfg.ClientSecret = signin.DeviceClient, signin.DeviceSecret
	}
	cfg.Issuer, err = signin.Start(ctx, "")
	return err
}

func signIn(ctx context.Context, kind string, cfg client.Config, stdout io.Writer) (*client.Token, error) {
	c, err := client.New(cfg)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "loopback":
		return loopback.SignIn(ctx, c, loopback.Options{Out: stdout})
	case "device":
		return loopback.Device(ctx, c, loopback.DeviceOptions{Out: stdout})
	}
	return nil, errors.New("cli: -flow is neither loopback nor device")
}
