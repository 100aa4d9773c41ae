package checksum

// A CRC is the remainder of the data, taken as a polynomial over GF(2), by another. So the remainder of two pieces in a row
// is that of the first one, times x to the power of the bits of the second, plus that of the second. That the registers
// begin and end inverted cancels out, since it does so in all three sums.
//
// Here polynomials are numbers whose highest bit of the width is the coefficient of x^0, as in the registers of these CRCs.

// poly has the width in bits and the polynomial of an algorithm, without its highest power.
func poly(a Algorithm) (width uint, p uint64) {
	switch a {
	case CRC32:
		return 32, 0xedb88320
	case CRC32C:
		return 32, 0x82f63b78
	case CRC64NVME:
		return 64, 0x9a6c9329ac4bc9b5
	}
	return 0, 0
}

// combine returns the CRC of two pieces of data in a row, of their own CRCs and the length of the second.
func combine(a Algorithm, first, second uint64, length int64) uint64 {
	width, p := poly(a)
	one := uint64(1) << (width - 1)
	shift, power := one, one>>8 // power is x^8, x^16, x^32, ...
	for n := length; n > 0; n >>= 1 {
		if n&1 != 0 {
			shift = times(shift, power, p, one)
		}
		power = times(power, power, p, one)
	}
	return times(first, shift, p, one) ^ second
}

// times multiplies modulo the polynomial p.
func times(x, y, p, one uint64) uint64 {
	var z uint64
	for bit := one; bit != 0; bit >>= 1 {
		if x&bit != 0 {
			z ^= y
		}
		if y&1 != 0 {
			y = y>>1 ^ p
		} else {
			y >>= 1
		}
	}
	return z
}

// number reads a CRC, which S3 writes with the highest byte first.
func number(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// octets is the inverse of number.
func octets(a Algorithm, n uint64) []byte {
	b := make([]byte, a.Size())
	for k := len(b) - 1; k >= 0; k-- {
		b[k], n = byte(n), n>>8
	}
	return b
}
