"""What is asked of Shopify; each request stays under the thousand points that one may cost."""

VERSION = "2026-10"
"""Of the Admin API; Shopify keeps one for a year."""

VARIANTS = """
query variants($after: String) {
  shop { currencyCode }
  productVariants(first: 100, after: $after) {
    nodes { id displayName price inventoryQuantity inventoryPolicy inventoryItem { tracked } product { id handle } }
    pageInfo { hasNextPage endCursor }
  }
}
"""

ORDERS = """
query orders($after: String, $query: String) {
  orders(first: 100, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { id updatedAt test }
    pageInfo { hasNextPage endCursor }
  }
}
"""

ORDER = """
query order($id: ID!, $after: String) {
  order(id: $id) {
    id createdAt cancelledAt
    refunds(first: 100) { id createdAt }
    lineItems(first: 100, after: $after) {
      nodes {
        id quantity
        variant { id product { id } }
        discountedUnitPriceAfterAllDiscountsSet { shopMoney { amount currencyCode } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

REFUND = """
query refund($id: ID!, $after: String) {
  refund(id: $id) {
    refundLineItems(first: 100, after: $after) {
      nodes { quantity lineItem { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

UPDATE = """
mutation prices($productId: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $productId, variants: $variants) {
    userErrors { field message }
  }
}
"""
