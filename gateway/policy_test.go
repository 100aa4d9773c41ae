package gateway

import "testing"

func TestPublicPolicies(t *testing.T) {
	t.Parallel()
	statement := func(principal, condition string) string {
		return `{"Statement":[{"Effect":"Deny","Principal":"*"},{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Condition":` + condition + `}]}`
	}
	for _, c := range []struct {
		name, principal, condition string
		want                       bool
	}{
		{"everybody", `"*"`, `{}`, true},
		{"everybody as an account", `{"AWS":["*"]}`, `{}`, true},
		{"one account", `{"AWS":["arn:aws:iam::1:root"]}`, `{}`, false},
		{"one network", `"*"`, `{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.1"]}}`, false},
		{"all networks", `"*"`, `{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}}`, true},
		{"half of all networks", `"*"`, `{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}}`, true},
		{"all but a network", `"*"`, `{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, true},
		{"one user", `"*"`, `{"StringEquals":{"aws:username":"a"}}`, false},
		{"users by a pattern", `"*"`, `{"StringLike":{"aws:username":"a*"}}`, true},
		{"one prefix", `"*"`, `{"StringEquals":{"s3:prefix":"a"}}`, true},
		{"no values", `"*"`, `{"IpAddress":{"aws:SourceIp":[]}}`, true},
	} {
		got, err := isPublic([]byte(statement(c.principal, c.condition)))
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v", c.name, got, err)
		}
	}
	if got, err := isPublic([]byte(`{"Statement":[{"Effect":"Deny","Principal":"*"}]}`)); err != nil || got {
		t.Errorf("a policy that denies: got %v, %v", got, err)
	}
}
