package providers

import (
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func keycloak() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://login.example.com/realms/main",
		Audience: []string{"orders-api"},
		Profile:  consumer.ProfileKeycloak,
	})
}

func authentik() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://auth.example.com/application/o/orders/",
		Audience: []string{"client-1"},
		Profile:  consumer.ProfileAuthentik,
	})
}

func authelia() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://auth.example.com",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileAuthelia,
	})
}

func casdoor() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://door.example.com",
		Audience: []string{"client-1"},
		Profile:  consumer.ProfileCasdoor,
	})
}

func duende() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileDuende,
	})
}

func springAS() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"web"},
		Profile:  consumer.ProfileSpringAS,
	})
}

func dex() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:                "https://dex.example.com",
		Audience:              []string{"orders-api"},
		Profile:               consumer.ProfileDex,
		InsecureAcceptIDToken: true,
	})
}

func ory() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://acme.projects.oryapis.com",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileOry,
	})
}

func oidcProvider() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileRFC9068,
	})
}

func zitadel() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://acme.zitadel.cloud",
		Audience: []string{"123456789"},
	})
}

func adfs() (*consumer.Consumer, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://adfs.example.com/adfs/discovery/keys"})
	if err != nil {
		return nil, err
	}
	return consumer.New(consumer.Config{
		Issuer:   "http://adfs.example.com/adfs/services/trust",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileADFS,
		Keys:     keys,
	})
}

func crossauth() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileCrossauth,
	})
}
