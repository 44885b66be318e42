"""The rules for certificates, keys and names: the only place where their findings have words.

`{where}` is the attribute, extension or field that is meant and `{value}` what stands there.
"""

from typing import Final

from ca.rule import Rule, Severity

CERTIFICATE_RULES: Final[dict[str, Rule]] = {
    # names
    "name.empty": Rule("{where} để trống.", "{where} is empty.", "X.520"),
    "name.not-nfc": Rule(
        "{where} “{value}” chưa ở dạng Unicode dựng sẵn (NFC).",
        "{where} “{value}” is not in Unicode form NFC.",
        "RFC 5280 7.1",
    ),
    "name.spaces": Rule(
        "{where} “{value}” có khoảng trắng thừa.",
        "{where} “{value}” has double, leading or trailing spaces.",
        "RFC 5280 7.1",
    ),
    "name.control-character": Rule(
        "{where} “{value}” có ký tự điều khiển hoặc ký tự vô hình.",
        "{where} “{value}” has a control, invisible or unassigned character.",
        "SBR 7.1.4.2",
    ),
    "name.insignificant": Rule(
        "{where} “{value}” không có chữ hay chữ số nào.",
        "{where} “{value}” has no letter and no digit.",
        "SBR 7.1.4.2: no values of “-”, “.” and the like",
    ),
    "name.html-entity": Rule(
        "{where} “{value}” có mã HTML như &amp;.",
        "{where} “{value}” has an HTML entity such as &amp;.",
        "pkilint cabf.html_entity; a register exported from a web page",
    ),
    "name.too-long": Rule(
        "{where} “{value}” vượt quá độ dài cho phép.", "{where} “{value}” is too long.", "X.520 upper bounds"
    ),
    "name.organization-too-long": Rule(
        "Tên cơ quan “{value}” dài quá 64 ký tự: hãy dùng tên viết tắt có trong quyết định thành lập.",
        "The agency's name “{value}” has more than 64 characters: use its documented short name.",
        "X.520 ub-organization-name; SBR 7.1.4.2.2(b)",
    ),
    "name.common-name-bytes": Rule(
        "CN “{value}” dài quá 64 byte UTF-8.",
        "CN “{value}” has more than 64 bytes of UTF-8.",
        "X.520 ub-common-name",
    ),
    "name.not-printable": Rule(
        "{where} “{value}” chỉ được có chữ không dấu, chữ số, khoảng trắng và '()+,-./:=?",
        "{where} “{value}” may only have unaccented letters, digits, space and '()+,-./:=?",
        "X.520 serialNumber; RFC 5280 App. A",
    ),
    "name.organization-identifier": Rule(
        "Mã định danh tổ chức “{value}” phải có dạng GOVVN hoặc GOVVN+<mã tỉnh ISO 3166-2>.",
        "The organisation identifier “{value}” must be GOVVN or GOVVN+<ISO 3166-2 subdivision>.",
        "SBR 7.1.4.2.2(d), Appendix A",
    ),
    "name.country": Rule(
        "C phải là VN, không phải “{value}”.", "C must be VN, not “{value}”.", "SBR 7.1.4.2.2(n)"
    ),
    "name.state-without-country": Rule(
        "Có ST mà không có C.", "There is an ST without a C.", "SBR 7.1.4.2.2(l)"
    ),
    "name.attribute-unexpected": Rule(
        "Tên không được có thuộc tính {where}.",
        "The name may not have the attribute {where}.",
        "SBR 7.1.4.2.3-5",
    ),
    "name.attribute-missing": Rule("Tên thiếu {where}.", "The name lacks {where}.", "SBR 7.1.4.2.3-5"),
    "name.common-name-missing": Rule(
        "Chứng thư cho văn bản phải có CN, mà tên dài quá 64 byte UTF-8: hãy khai tên ngắn (ten_ngan) của cơ quan.",
        "A document certificate has to have a CN, and the name has more than 64 bytes of UTF-8: register the agency's "
        "short name (ten_ngan).",
        "EN 319 412-3 4.2.1",
    ),
    "name.attribute-repeated": Rule(
        "Tên có {where} hai lần.", "The name has {where} twice.", "SBR 7.1.4.2.2"
    ),
    "name.order": Rule(
        "Các thuộc tính của tên không đúng thứ tự.", "The name's attributes are not in order.", "own profile"
    ),
    "name.common-name-source": Rule(
        "CN “{value}” không phải tên của chủ thể, cũng không phải hộp thư trong chứng thư.",
        "CN “{value}” is neither the subject's name nor a mailbox of the certificate.",
        "SBR 7.1.4.2.2(a)",
    ),
    "name.encoding": Rule(
        "Tên không được mã hóa đúng kiểu chuỗi quy định.",
        "The name is not encoded with the string types of the profile.",
        "SBR 7.1.4.1",
    ),
    "register.mismatch": Rule(
        "{where} trong chứng thư là “{value}”, khác với sổ đăng ký.",
        "{where} in the certificate is “{value}”, which is not what the register says.",
        "SBR 3.2.3; SBR 4.9.1.1",
    ),
    # mailboxes
    "mailbox.form": Rule(
        "“{value}” không phải là địa chỉ thư dùng được trong chứng thư.",
        "“{value}” is not a mail address that a certificate can carry.",
        "RFC 5280 4.2.1.6; RFC 5321 4.1.2",
    ),
    "mailbox.not-permitted": Rule(
        "Hộp thư “{value}” không thuộc tên miền mà CA này được phép cấp.",
        "The mailbox “{value}” is not in a domain that this authority may certify.",
        "RFC 5280 4.2.1.10",
    ),
    "mailbox.count": Rule(
        "Chứng thư phải có đúng một hộp thư và không có tên thay thế nào khác.",
        "A certificate has exactly one mailbox and no other alternative name.",
        "SBR 7.1.4.2.1",
    ),
    # serial numbers and validity
    "serial.not-positive": Rule(
        "Số hiệu không dương.", "The serial number is not positive.", "RFC 5280 4.1.2.2"
    ),
    "serial.too-large": Rule("Số hiệu lớn hơn 159 bit.", "The serial number has over 159 bits.", "SBR 7.1"),
    "serial.too-short": Rule("Số hiệu ngắn hơn 64 bit.", "The serial number has under 64 bits.", "SBR 7.1"),
    "validity.reversed": Rule(
        "Chứng thư kết thúc trước khi bắt đầu.", "The certificate ends before it starts.", "RFC 5280 4.1.2.5"
    ),
    "validity.too-long": Rule(
        "Thời hạn {value} giây dài hơn mẫu cho phép.",
        "A validity of {value} s is longer than the profile's.",
        "SBR 6.3.2; 68/2024/NĐ-CP Art. 9",
    ),
    "validity.outlives-issuer": Rule(
        "Chứng thư hết hạn ({value}) sau CA cấp nó.",
        "The certificate would end ({value}) after its issuer.",
        "SBR 6.3.2",
    ),
    "validity.before-issuer": Rule(
        "Chứng thư bắt đầu ({value}) trước CA cấp nó.",
        "The certificate would start ({value}) before its issuer.",
        "RFC 5280 6.1",
    ),
    "validity.mail-calendar": Rule(
        "Từ {value} chứng thư thư điện tử có hạn không quá 825 ngày.",
        "From {value} a mail certificate lives at most 825 days.",
        "SBR 6.3.2",
    ),
    "validity.decree-calendar": Rule(
        "Từ {value} chứng thư mới có hạn không quá 5 năm, gia hạn không quá 3 năm, của CA không quá 20 năm.",
        "From {value} a new certificate lives at most 5 years, a renewed one 3, an authority's 20.",
        "68/2024/NĐ-CP Art. 9",
    ),
    "signature.sha1-calendar": Rule(
        "Từ {value} không ký bằng SHA-1.", "From {value} nothing is signed with SHA-1.", "SBR 7.1.3.2"
    ),
    "policy.legacy-calendar": Rule(
        "Từ {value} không cấp theo chính sách S/MIME thế hệ cũ.",
        "From {value} nothing is issued under a policy of the legacy generation.",
        "SBR SMC08",
    ),
    "profile.retired": Rule(
        "Mẫu {where} không còn được dùng từ sau {value}.",
        "Nothing is issued under the profile {where} after {value}.",
        "own profile",
    ),
    "profile.subject-kind": Rule(
        "Mẫu {where} không dành cho loại chủ thể này.",
        "The profile {where} is not for this kind of subject.",
        "own profile",
    ),
    "plan.names": Rule(
        "Tên và thế hệ của các CA không hợp lệ hoặc trùng nhau: {value}.",
        "Names and generations of the authorities are not valid or not unique: {value}.",
        "own profile",
    ),
    # keys
    "key.kind": Rule("Chỉ nhận khóa EC và RSA.", "Only EC and RSA keys are accepted.", "SBR 6.1.5"),
    "key.curve": Rule("Chỉ nhận P-256 và P-384.", "Only P-256 and P-384 are accepted.", "SBR 6.1.5"),
    "key.rsa-short": Rule("Khóa RSA ngắn hơn 2048 bit.", "The RSA key has under 2048 bits.", "SBR 6.1.5"),
    "key.rsa-length": Rule(
        "Độ dài khóa RSA phải chia hết cho 8 và không quá 4096 bit.",
        "The RSA key's length must be a multiple of 8 and at most 4096 bits.",
        "SBR 6.1.5",
    ),
    "key.rsa-exponent": Rule(
        "Số mũ RSA phải lẻ và từ 65537 trở lên.",
        "The RSA exponent must be odd and at least 65537.",
        "SBR 6.1.6",
    ),
    "key.rsa-small-factor": Rule(
        "Mô-đun RSA có ước nhỏ.", "The RSA modulus has a factor below 752.", "SBR 6.1.6"
    ),
    "key.rsa-roca": Rule(
        "Khóa RSA mắc lỗi ROCA.", "The RSA key has the ROCA weakness.", "SBR 6.1.1.3; CVE-2017-15361"
    ),
    "key.rsa-fermat": Rule(
        "Hai thừa số của khóa RSA quá gần nhau.",
        "The two primes of the RSA key are too close.",
        "SBR 6.1.1.3; CVE-2022-26320",
    ),
    "key.debian": Rule(
        "Khóa RSA do OpenSSL lỗi của Debian (2006-2008) tạo ra, ai cũng biết được.",
        "The RSA key was made by Debian's broken OpenSSL of 2006 to 2008 and is known to all.",
        "SBR 6.1.1.3; CVE-2008-0166",
    ),
    "csr.bundle-too-large": Rule(
        "Tệp có quá nhiều yêu cầu hoặc quá lớn.",
        "The file has too many requests or is too large.",
        "own limit",
    ),
    "csr.bundle-unreadable": Rule(
        "Tệp ZIP bị hỏng hoặc không đọc được.", "The ZIP file is damaged or cannot be read.", "own limit"
    ),
    "csr.too-large": Rule("Yêu cầu chứng thư quá lớn.", "The certificate request is too large.", "own limit"),
    "csr.unreadable": Rule(
        "Không đọc được yêu cầu chứng thư PKCS#10.", "This is not a readable PKCS#10 request.", "RFC 2986"
    ),
    "csr.possession": Rule(
        "Yêu cầu không được ký bằng chính khóa của nó.",
        "The request is not signed with its own key.",
        "SBR 3.2.1; RFC 2986 4.2",
    ),
    # the certificate's frame and extensions
    "version.not-3": Rule(
        "Chứng thư không phải X.509 v3.", "The certificate is not X.509 v3.", "RFC 5280 4.1.2.1"
    ),
    "signature.algorithm": Rule(
        "Thuật toán ký không khớp với khóa của CA.",
        "The signature algorithm is not the one of the issuer's key.",
        "SBR 7.1.3.2",
    ),
    "issuer.name": Rule(
        "Tên người cấp không phải tên của CA này.",
        "The issuer's name is not this authority's.",
        "RFC 5280 4.1.2.4",
    ),
    "issuer.not-authority": Rule(
        "Chứng thư của người cấp không phải của một CA.",
        "The issuer's certificate is not an authority's.",
        "RFC 5280 4.2.1.9",
    ),
    "issuer.path-length": Rule(
        "CA này không được cấp chứng thư loại đó.",
        "This authority may not issue that kind of certificate.",
        "RFC 5280 4.2.1.9; SBR 7.1.2.2",
    ),
    "issuer.rsa-calendar": Rule(
        "Từ 15/09/2027 không cấp chứng thư dưới khóa RSA ngắn hơn 3072 bit.",
        "From 2027-09-15 nothing is issued under an RSA key of less than 3072 bits.",
        "SBR SMC017v2",
    ),
    "key.authority-calendar": Rule(
        "Từ 15/09/2026 khóa RSA của CA mới phải từ 4096 bit.",
        "From 2026-09-15 the RSA key of a new authority has at least 4096 bits.",
        "SBR SMC017v2",
    ),
    "extension.missing": Rule(
        "Thiếu phần mở rộng {where}.", "The extension {where} is missing.", "SBR 7.1.2"
    ),
    "extension.unexpected": Rule(
        "Không được có phần mở rộng {where}.", "The extension {where} may not be there.", "SBR 7.1.2"
    ),
    "extension.criticality": Rule(
        "Tính thiết yếu của {where} không đúng.", "The criticality of {where} is wrong.", "SBR 7.1.2"
    ),
    "extension.unreadable": Rule(
        "Không đọc được các phần mở rộng.", "The extensions cannot be read.", "RFC 5280 4.2"
    ),
    "usage.key-usage": Rule(
        "Cách dùng khóa (keyUsage) không đúng mẫu.", "The key usage is not the profile's.", "SBR 7.1.2.3(e)"
    ),
    "usage.purposes": Rule(
        "Mục đích dùng khóa (extKeyUsage) không đúng mẫu.",
        "The extended key usage is not the profile's.",
        "SBR 7.1.2.3(f)",
    ),
    "usage.purposes-calendar": Rule(
        "Từ 01/07/2027 chứng thư thư điện tử chỉ được có emailProtection và clientAuth.",
        "From 2027-07-01 a mail certificate has emailProtection and clientAuth only.",
        "SBR SMC018",
    ),
    "usage.purposes-ending": Rule(
        "Chứng thư này sẽ không được cấp lại như cũ từ 01/07/2027.",
        "A certificate like this one can no longer be issued from 2027-07-01.",
        "SBR SMC018",
        Severity.WARNING,
    ),
    "usage.not-in-issuer": Rule(
        "CA này không được cấp cho mục đích {value}.",
        "This authority may not issue for {value}.",
        "SBR 7.1.5",
    ),
    "policy.reserved-count": Rule(
        "Phải có đúng một chính sách dành riêng.",
        "There must be exactly one reserved policy.",
        "SBR 7.1.6.1; EN 319 411-1 5.3",
    ),
    "policy.set": Rule("Các chính sách không đúng mẫu.", "The policies are not the profile's.", "SBR 7.1.6"),
    "policy.not-in-issuer": Rule(
        "CA này không được dùng chính sách {value}.",
        "This authority may not use the policy {value}.",
        "RFC 5280 6.1.3(d)",
    ),
    "constraint.basic": Rule(
        "Ràng buộc cơ bản (basicConstraints) không đúng mẫu.",
        "The basic constraints are not the profile's.",
        "RFC 5280 4.2.1.9",
    ),
    "constraint.names": Rule(
        "Ràng buộc tên không cho phép đúng các tên miền đã định.",
        "The name constraints do not permit exactly the intended domains.",
        "RFC 5280 4.2.1.10; SBR 7.1.5",
    ),
    "identifier.subject": Rule(
        "Mã nhận dạng khóa chủ thể không đúng.", "The subject key identifier is wrong.", "RFC 7093 2(1)"
    ),
    "identifier.authority": Rule(
        "Mã nhận dạng khóa của CA không đúng.", "The authority key identifier is wrong.", "RFC 5280 4.2.1.1"
    ),
    "url.not-http": Rule(
        "Địa chỉ “{value}” trong {where} phải là http.",
        "The address “{value}” in {where} must be plain http.",
        "SBR 7.1.2.3",
    ),
}
