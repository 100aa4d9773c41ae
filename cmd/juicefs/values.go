package main

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// parseSize reads a number with at most one letter of B K M G T P E, powers of 1024. Without a letter it counts in unit,
// which is a letter too. option is named in the error.
func parseSize(option, text string, unit byte) (int64, error) {
	bad := func(why string) (int64, error) {
		return 0, fmt.Errorf("Invalid value %q for %q: %s", text, option, why) //nolint:staticcheck // the text of the original, which scripts look for
	}
	number := text
	if text != "" && !isDigit(text[len(text)-1]) && text[len(text)-1] != '.' {
		unit = text[len(text)-1]
		number = text[:len(text)-1]
	}
	shift := strings.IndexByte("BKMGTPE", unit)
	if shift < 0 {
		shift = strings.IndexByte(" kmgtpe", unit)
	}
	if shift < 0 {
		return bad("invalid unit")
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(v) || strings.ContainsAny(number, "xXpPeE_nN") {
		return bad("invalid number")
	}
	v *= float64(uint64(1) << (10 * shift))
	if v < 0 || v >= 1<<63 {
		return bad("out of range")
	}
	return int64(v), nil
}

// parseBandwidth reads Mbit/s with an optional letter of M G T P, powers of 1000.
func parseBandwidth(option, text string) (int64, error) {
	number, factor := text, 1.0
	if text != "" && !isDigit(text[len(text)-1]) {
		i := strings.IndexByte("MGTP", text[len(text)-1])
		if i < 0 {
			return 0, fmt.Errorf("Invalid value %q for %q: invalid unit", text, option) //nolint:staticcheck // the text of the original
		}
		number, factor = text[:len(text)-1], math.Pow(1000, float64(i))
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < 0 || v*factor >= 1<<40 {
		return 0, fmt.Errorf("Invalid value %q for %q: invalid number", text, option) //nolint:staticcheck // the text of the original
	}
	return int64(v * factor), nil
}

// parseDuration reads seconds ("1.5") or a Go duration ("1h30m") with days in front ("2d", "1d12h").
func parseDuration(option, text string) (time.Duration, error) {
	if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		return time.Duration(v * float64(time.Second)), nil
	}
	rest, days := text, 0.0
	if d, after, ok := strings.Cut(text, "d"); ok {
		v, err := strconv.ParseFloat(d, 64)
		if err != nil {
			return 0, fmt.Errorf("invalid duration %q for --%s", text, option)
		}
		days, rest = v, after
	}
	d := time.Duration(days * 24 * float64(time.Hour))
	if rest != "" {
		v, err := time.ParseDuration(rest)
		if err != nil {
			return 0, fmt.Errorf("invalid duration %q for --%s", text, option)
		}
		d += v
	}
	return d, nil
}

// parseUmask reads permission bits in octal.
func parseUmask(text string) (uint16, error) {
	v, err := strconv.ParseUint(text, 8, 16)
	if err != nil || v > 0o777 {
		return 0, fmt.Errorf("invalid umask %q: it is up to three octal digits", text)
	}
	return uint16(v), nil
}

// parseLabels reads "k1:v1;k2:v2".
func parseLabels(text string) (map[string]string, error) {
	labels := map[string]string{}
	for pair := range strings.SplitSeq(text, ";") {
		if pair == "" {
			continue
		}
		k, v, ok := strings.Cut(pair, ":")
		if !ok || k == "" {
			return nil, fmt.Errorf("invalid custom-labels %q: the form is key1:value1;key2:value2", text)
		}
		labels[k] = v
	}
	return labels, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// parseNetworks reads networks separated by commas: 10.0.0.0/8, or an address for itself alone.
func parseNetworks(option, text string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if a, err := netip.ParseAddr(part); err == nil {
			networks = append(networks, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, fmt.Errorf("invalid network %q of --%s", part, option)
		}
		networks = append(networks, p.Masked())
	}
	return networks, nil
}
