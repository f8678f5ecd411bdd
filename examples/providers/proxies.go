package providers

import (
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

func cloudflareAccess() (*middleware.Guard, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://acme.cloudflareaccess.com/cdn-cgi/access/certs"})
	if err != nil {
		return nil, err
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer:   "https://acme.cloudflareaccess.com",
		Audience: []string{"32eafc7626e974616deaf0dc3ce63d7bcbed58a2"},
		Profile:  consumer.ProfileCloudflareAccess,
		Keys:     keys,
	})
	if err != nil {
		return nil, err
	}
	fromProxy := middleware.HeaderToken("Cf-Access-Jwt-Assertion")
	return middleware.New(middleware.Config{Verifier: verifier, TokenSources: []middleware.TokenSource{fromProxy}})
}

func googleIAP() (*middleware.Guard, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://www.gstatic.com/iap/verify/public_key-jwk"})
	if err != nil {
		return nil, err
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer:   "https://cloud.google.com/iap",
		Audience: []string{"/projects/123456789/global/backendServices/987654321"},
		Profile:  consumer.ProfileGoogleIAP,
		Keys:     keys,
	})
	if err != nil {
		return nil, err
	}
	fromProxy := middleware.HeaderToken("X-Goog-Iap-Jwt-Assertion")
	return middleware.New(middleware.Config{Verifier: verifier, TokenSources: []middleware.TokenSource{fromProxy}})
}

func awsALB() (*middleware.Guard, error) {
	keys, err := jwks.NewPEMEndpoint(jwks.PEMEndpointConfig{
		URL: "https://public-keys.auth.elb.eu-west-1.amazonaws.com", Algorithm: "ES256",
	})
	if err != nil {
		return nil, err
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer:    "https://login.example.com",
		Audience:  []string{"arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/orders/0123456789abcdef"},
		Profile:   consumer.ProfileAWSALB,
		Keys:      keys,
		ClientIDs: []string{"client-1"},
	})
	if err != nil {
		return nil, err
	}
	fromProxy := middleware.HeaderToken("X-Amzn-Oidc-Data")
	return middleware.New(middleware.Config{Verifier: verifier, TokenSources: []middleware.TokenSource{fromProxy}})
}
