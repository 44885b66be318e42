export {
  Attribute, AttributeTypeAndValue, AuthenticatedSafe, CertBag, Certificate, CertificationRequest,
  PFX, PKCS8ShroudedKeyBag, PrivateKeyInfo, SafeBag, SafeContents,
} from "pkijs";
export { BmpString, OctetString, Utf8String } from "asn1js";
