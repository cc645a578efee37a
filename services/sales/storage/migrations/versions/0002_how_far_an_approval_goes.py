"""How far an approval goes, and a member of staff's shifts of a day"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('spent_approvals', sa.Column('approved_up_to', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column('spent_approvals', sa.Column('needed', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_index('shifts_staff_day', 'shifts', ['staff_id', 'business_date'], unique=False)


def downgrade() -> None:
    op.drop_index('shifts_staff_day', table_name='shifts')
    op.drop_column('spent_approvals', 'needed')
    op.drop_column('spent_approvals', 'approved_up_to')
