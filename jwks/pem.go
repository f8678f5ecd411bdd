package jwks

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ParsePEM reads one or more public keys from PEM blocks (RFC 7468) of the types PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE.
// Only the key of a certificate is used; its dates and its issuer are not checked. A private key is an error, and so is a
// block of any other type, or one that cannot be read.
//
// alg is the one algorithm that the keys serve. If it is empty, each key serves those of its type and curve. The keys have
// no ID, so they match tokens with any kid, and several keys of one type are tried in turn; see [Static]. A key that occurs
// twice, for example also in a certificate, counts once.
func ParsePEM(data []byte, alg string) (Static, error) {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	blocks := bytes.Count(data, []byte("-----BEGIN ")) // to detect blocks that pem.Decode skips
	var keys Static
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		public, err := parseBlock(block)
		if err != nil {
			return nil, fmt.Errorf("jwks: PEM block %d: %w", len(keys), err)
		}
		keys = append(keys, Key{Public: public})
		data = rest
	}
	if blocks == 0 {
		return nil, errors.New("jwks: no PEM block found")
	}
	if len(keys) != blocks { // pem.Decode skips blocks that it cannot read
		return nil, fmt.Errorf("jwks: %d of %d PEM blocks cannot be read", blocks-len(keys), blocks)
	}
	return keys.distinct().forAlgorithm(alg)
}

// parseBlock returns the public key in a PEM block. Its type and strength are checked by the caller.
func parseBlock(block *pem.Block) (public any, err error) {
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = certificate.PublicKey
		}
	default:
		if strings.HasSuffix(block.Type, "PRIVATE KEY") { // a common mistake, so it has an error text of its own
			return nil, errors.New("a private key, expected the public key")
		}
		return nil, errors.New("the type is not PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE")
	}
	return public, err
}
